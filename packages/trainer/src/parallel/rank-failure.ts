import { ActorError, type Outcome } from '@forge/monarch';
import { RankFailedError } from '../errors.ts';

/** The values of all ranks. @throws {RankFailedError} naming the rank at fault, when one has no value */
export function valuesOf<Value>(outcomes: readonly Outcome<Value>[]): readonly Value[] {
  const failures = outcomes.flatMap((outcome, rank) => (outcome.ok ? [] : [{ rank, error: outcome.error }]));
  // A rank that only waited for another one is not at fault, and one that has ended is, whatever others say.
  const ended = failures.find(({ error }) => codeOf(error) === 'ERR_MONARCH_MESH');
  const failed = ended ?? failures.find(({ error }) => codeOf(causeOf(error)) !== 'ERR_TRAINER_PEER') ?? failures[0];
  if (failed !== undefined) throw failureOf(failed.rank, outcomes.length, failed.error);
  return outcomes.flatMap((outcome) => (outcome.ok ? [outcome.value] : []));
}

/** The failure of a rank, by the error of a call to it. */
export const failureOf = (rank: number, numRanks: number, error: unknown): RankFailedError =>
  new RankFailedError(rank, numRanks, causeOf(error));

/** Whether the process or the actor of the rank is no more. */
export const hasEnded = ({ cause }: RankFailedError): boolean => codeOf(cause) === 'ERR_MONARCH_MESH';

/** What the endpoint threw, or the failure of its rank. */
const causeOf = (error: unknown): unknown => (error instanceof ActorError ? error.cause : error);

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
