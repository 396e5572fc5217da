export interface PacingOptions {
  readonly groupsPerStep: number;
  readonly maxPolicyAge: number;
}

/** Where sampling stands, to go on from. */
export interface PacingState {
  /** Groups that were begun. */
  readonly started: number;
  /** Those among them that are not in the buffer yet, by number. */
  readonly inFlight: readonly number[];
  readonly evicted: number;
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
  readonly #inFlight = new Set<number>();
  /** Begun before, and lost: they come first. */
  readonly #lost: number[];
  #started: number;
  #version = 0;
  #evicted: number;
  #change = Promise.withResolvers<void>();

  /** @param state - of a run that goes on: its groups in flight are begun again. */
  constructor(
    { groupsPerStep, maxPolicyAge }: PacingOptions,
    { started, inFlight, evicted }: PacingState = { started: 0, inFlight: [], evicted: 0 },
  ) {
    this.#started = started;
    this.#lost = [...inFlight].toSorted((a, b) => a - b);
    this.#evicted = evicted;
    this.#groupsPerStep = groupsPerStep;
    this.#maxPolicyAge = maxPolicyAge;
  }

  get state(): PacingState {
    return { started: this.#started, inFlight: [...this.#lost, ...this.#inFlight], evicted: this.#evicted };
  }

  /** The number of the next group, as soon as it may start. @throws the signal's reason when it aborts first. */
  async admit(signal: AbortSignal): Promise<number> {
    for (;;) {
      signal.throwIfAborted();
      const lost = this.#lost.shift();
      if (lost !== undefined) return this.#begin(lost);
      if (this.#started < (this.#version + 1 + this.#maxPolicyAge) * this.#groupsPerStep + this.#evicted) {
        return this.#begin(this.#started++);
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

  /** A group that was admitted is in the buffer. */
  groupAdded(number: number): void {
    this.#inFlight.delete(number);
    this.#notify();
  }

  /** So many groups were too old in the end, and must be replaced by others. */
  evictedSoFar(count: number): void {
    if (count === this.#evicted) return;
    this.#evicted = count;
    this.#notify();
  }

  #begin(number: number): number {
    this.#inFlight.add(number);
    return number;
  }

  #notify(): void {
    const { resolve } = this.#change;
    this.#change = Promise.withResolvers<void>();
    resolve();
  }
}
