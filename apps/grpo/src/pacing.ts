export interface PacingOptions {
  readonly groupsPerStep: number;
  readonly maxPolicyAge: number;
}

/**
 * Keeps sampling and training in step. A group may start only while it can still be trained on before it is too old;
 * the bound holds where the work begins, so nothing is sampled to be thrown away.
 *
 *   rollouts ── admit() waits while started ≥ (version + 1 + maxPolicyAge) · groupsPerStep + evicted
 *   training ── groupAdded() of a rollout wakes it; advance() after its step wakes the rollouts
 *
 * Source: AReaL `staleness_manager.py`.
 */
export class Pacing {
  readonly #groupsPerStep: number;
  readonly #maxPolicyAge: number;
  #started = 0;
  #version = 0;
  #evicted = 0;
  #change = Promise.withResolvers<void>();

  constructor({ groupsPerStep, maxPolicyAge }: PacingOptions) {
    this.#groupsPerStep = groupsPerStep;
    this.#maxPolicyAge = maxPolicyAge;
  }

  /** The number of the next group, as soon as it may start. @throws the signal's reason when it aborts first. */
  async admit(signal: AbortSignal): Promise<number> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#started < (this.#version + 1 + this.#maxPolicyAge) * this.#groupsPerStep + this.#evicted) {
        return this.#started++;
      }
      await this.changed(signal);
    }
  }

  /** The next change of any kind. */
  async changed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener('abort', abort);
    try {
      await Promise.race([this.#change.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Weights that count `version` steps are in use. */
  advance(version: number): void {
    this.#version = version;
    this.#notify();
  }

  groupAdded(): void {
    this.#notify();
  }

  /** So many groups were too old in the end, and must be replaced by others. */
  evictedSoFar(count: number): void {
    if (count === this.#evicted) return;
    this.#evicted = count;
    this.#notify();
  }

  #notify(): void {
    const { resolve } = this.#change;
    this.#change = Promise.withResolvers<void>();
    resolve();
  }
}
