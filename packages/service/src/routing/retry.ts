import type { NoRetryReason } from '../errors.ts';

/** How calls are repeated whose replica failed before they had an answer. */
export interface RetryPolicy {
  /** Attempts of one call, the first included; 1 repeats nothing. @default 3 */
  readonly maxAttempts?: number;
  /** The first repetition waits up to this long, by chance; each further one up to twice as long. @default 50 */
  readonly firstDelayMs?: number;
  /** No wait is longer. @default 2_000 */
  readonly maxDelayMs?: number;
  /** Repetitions for each call that the service gets, over time: what fails everywhere is not made worse. @default 0.2 */
  readonly budgetRatio?: number;
  /** Repetitions that may come at once, however few calls there were. @default 100 */
  readonly burst?: number;
}

/** Milliseconds to wait before an attempt, given how many there were: full jitter, so that nobody repeats in step. */
export function retryDelayMs(
  attempts: number,
  chance: number,
  { firstDelayMs = 50, maxDelayMs = 2_000 }: RetryPolicy,
): number {
  return chance * Math.min(firstDelayMs * 2 ** (attempts - 1), maxDelayMs);
}

/** What may be repeated: it fills up with every call and empties with every repetition. */
export class RetryBudget {
  readonly #ratio: number;
  readonly #burst: number;
  #left: number;

  constructor({ budgetRatio = 0.2, burst = 100 }: RetryPolicy) {
    this.#ratio = budgetRatio;
    this.#burst = burst;
    this.#left = burst;
  }

  /** A call has come. */
  earn(): void {
    this.#left = Math.min(this.#left + this.#ratio, this.#burst);
  }

  /** Takes one repetition; `false` when none is left. */
  spend(): boolean {
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}

/** What decides whether a call whose replica failed may be repeated. */
export interface FailedAttempt {
  /** The replica may have begun it. */
  readonly wasSent: boolean;
  readonly isIdempotent: boolean;
  /** Its caller has part of the answer. */
  readonly isStreaming: boolean;
  readonly isForOneReplica: boolean;
  /** Attempts that were made. */
  readonly attempts: number;
}

/** Why a call must not be repeated; `undefined` when it may, as far as the budget allows. */
export function whyNotRetry(attempt: FailedAttempt, { maxAttempts = 3 }: RetryPolicy): NoRetryReason | undefined {
  if (attempt.isForOneReplica) return 'fanout';
  if (attempt.isStreaming) return 'streaming';
  if (attempt.wasSent && !attempt.isIdempotent) return 'notIdempotent';
  return attempt.attempts >= maxAttempts ? 'attempts' : undefined;
}
