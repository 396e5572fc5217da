import type { LifeEvent } from './life.ts';

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/** Whether a call ended because the actors it went to are gone. */
export function isLoss(error: unknown): boolean {
  return codeOf(error) === 'ERR_MONARCH_MESH';
}

/** What the end of a call tells about the replica that served it; by the code of its error. */
const SAYS: Readonly<Record<string, LifeEvent | 'nothing'>> = {
  ERR_MONARCH_MESH: 'lost',
  ERR_MONARCH_TIMEOUT: 'failed',
  ERR_MONARCH_OVERFLOW: 'failed',
  ERR_MONARCH_ABORTED: 'nothing',
  ERR_MONARCH_UNSENDABLE: 'nothing',
};

/**
 * What a call that ended with `error`, or with a value when it is `undefined`, tells about its replica. An error that
 * the endpoint threw is an answer like any other.
 */
export function lessonOf(error: unknown): LifeEvent | 'nothing' {
  // Whoever gives a call both a deadline and a signal learns of the deadline by the signal.
  const reason = codeOf(error) === 'ERR_MONARCH_ABORTED' && error instanceof Error ? error.cause : undefined;
  if (codeOf(reason) === 'ERR_MONARCH_TIMEOUT') return 'failed';
  return SAYS[String(codeOf(error))] ?? 'answered';
}
