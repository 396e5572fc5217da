import type { Clock } from '../time/clock.ts';

/** How often and how fast what has failed is started anew. */
export interface RestartPolicy {
  /** Restarts within `withinMs`; the next failure is final. @default 5 */
  readonly max?: number;
  /** A restart longer ago than this no longer counts. @default 60_000 */
  readonly withinMs?: number;
  /** Wait before the first restart; doubles with each one that counts. Up to half of it is added by chance. @default 100 */
  readonly backoffMs?: number;
  /** No wait is longer, chance apart. @default 10_000 */
  readonly maxBackoffMs?: number;
}

/** @throws {RangeError} when a number of a policy makes no sense. */
export function checkPolicy({ max = 0, withinMs = 1, backoffMs = 0, maxBackoffMs = 0 }: RestartPolicy): void {
  if (!(max >= 0)) throw new RangeError(`restart.max is ${max}. It must be 0 or more.`);
  if (!(withinMs > 0)) throw new RangeError(`restart.withinMs is ${withinMs}. It must be positive.`);
  if (!(backoffMs >= 0)) throw new RangeError(`restart.backoffMs is ${backoffMs}. It must be 0 or more.`);
  if (!(maxBackoffMs >= 0)) throw new RangeError(`restart.maxBackoffMs is ${maxBackoffMs}. It must be 0 or more.`);
}

/**
 * Milliseconds to wait before the next restart, given the times of the earlier ones; `undefined` when they are used up.
 *
 * @param chance - in [0, 1): spreads what failed together.
 */
export function restartDelayMs(
  restartedAtMs: readonly number[],
  nowMs: number,
  chance: number,
  { max = 5, withinMs = 60_000, backoffMs = 100, maxBackoffMs = 10_000 }: RestartPolicy,
): number | undefined {
  const recent = restartedAtMs.filter((time) => nowMs - time < withinMs).length;
  if (recent >= max) return undefined;
  return Math.min(backoffMs * 2 ** recent, maxBackoffMs) * (1 + chance / 2);
}

/** What restarts need of the world. */
export interface RestartWorld {
  readonly clock: Clock;
  random(): number;
}

/** The restarts of one thing, under its policy. */
export class Restarts {
  readonly #world: RestartWorld;
  readonly #policy: RestartPolicy;
  #restartedAtMs: readonly number[] = [];
  #cancel = () => {};

  constructor(world: RestartWorld, policy: RestartPolicy) {
    this.#world = world;
    this.#policy = policy;
  }

  /** Counts one more; the wait before it, or `undefined` when there is to be none. */
  next(): number | undefined {
    const { clock, random } = this.#world;
    const nowMs = clock.now();
    const delayMs = restartDelayMs(this.#restartedAtMs, nowMs, random(), this.#policy);
    const { withinMs = 60_000 } = this.#policy;
    const counting = this.#restartedAtMs.filter((time) => nowMs - time < withinMs);
    this.#restartedAtMs = delayMs === undefined ? counting : [...counting, nowMs + delayMs];
    return delayMs;
  }

  /** Resolves after a wait, or at once when it is cancelled. */
  async wait(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const stopClock = this.#world.clock.after(delayMs, resolve);
      this.#cancel = () => {
        stopClock();
        resolve();
      };
    });
  }

  /** Ends the wait that runs, if any. */
  cancel(): void {
    this.#cancel();
  }
}
