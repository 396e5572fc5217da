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

/** Asks once, and waits no longer than its time. Never rejects. */
async function askOnce({ clock, name, ask, timeoutMs = 5_000 }: HealthCheckOptions): Promise<Error | undefined> {
  const late = Promise.withResolvers<Error>();
  const cancel = clock.after(timeoutMs, () => late.resolve(new HealthCheckTimeoutError(name, timeoutMs)));
  const asked = (async () => void (await ask()))().catch(reasonOf);
  const outcome = await Promise.race([asked, late.promise]);
  cancel();
  return outcome instanceof Error ? outcome : undefined;
}

/** Checks again and again until the returned function is called; at once first when `isUrgent`. */
export function checkHealth(options: HealthCheckOptions, isUrgent: boolean): () => void {
  const { clock, told, intervalMs = 10_000 } = options;
  let isOver = false;
  let cancel = () => {};
  const check = async () => {
    const failure = await askOnce(options);
    if (isOver) return;
    told(failure);
    if (!isOver) wait();
  };
  const wait = () => {
    cancel = clock.after(intervalMs, () => void check());
  };
  if (isUrgent) void check();
  else wait();
  return () => {
    isOver = true;
    cancel();
  };
}
