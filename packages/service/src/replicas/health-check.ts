import type { Clock } from '@forge/monarch';
import { HealthCheckTimeoutError } from '../errors.ts';

/** How a replica is asked whether it is well. */
export interface HealthCheckPolicy {
  /** From the end of one check to the start of the next. @default 10_000 */
  readonly intervalMs?: number;
  /** A check that takes longer has failed. @default 5_000 */
  readonly timeoutMs?: number;
}

/** What a check needs. */
export interface HealthCheckOptions extends HealthCheckPolicy {
  readonly clock: Clock;
  readonly name: string;
  /** Asks; rejects or throws when something is wrong. */
  ask(): unknown;
  /** Told the outcome of each check: `undefined`, or why it failed. */
  told(failure: Error | undefined): void;
}

const reasonOf = (error: unknown): Error => (error instanceof Error ? error : new TypeError(String(error)));

/** Checks again and again until the returned function is called; at once first when `isUrgent`. */
export function checkHealth(options: HealthCheckOptions, isUrgent: boolean): () => void {
  const { clock, name, ask, told, intervalMs = 10_000, timeoutMs = 5_000 } = options;
  let cancel = () => {};
  let isOver = false;
  const check = async () => {
    const late = Promise.withResolvers<Error>();
    cancel = clock.after(timeoutMs, () => late.resolve(new HealthCheckTimeoutError(name, timeoutMs)));
    const asked = (async () => void (await ask()))().catch(reasonOf);
    const failure = (await Promise.race([asked, late.promise])) ?? undefined;
    cancel();
    if (isOver) return;
    cancel = clock.after(intervalMs, () => void check());
    told(failure);
  };
  if (isUrgent) void check();
  else cancel = clock.after(intervalMs, () => void check());
  return () => {
    isOver = true;
    cancel();
  };
}
