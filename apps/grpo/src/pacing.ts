export interface PacingOptions {
  readonly groupsPerStep: number;
  readonly maxPolicyAge: number;
  /** Groups that are sampled for each that is trained on. @default 1 */
  readonly overSampling?: number;
}

/** Where sampling stands, to go on from. */
export interface PacingState {
  /** Groups that were begun. */
  readonly started: number;
  /** Those among them that are not in the buffer yet, by number. */
  readonly inFlight: readonly number[];
  readonly evicted: number;
  /** Those that were trained on, or turned away. */
  readonly done: number;
}

const NOTHING_BEGUN: PacingState = { started: 0, inFlight: [], evicted: 0, done: 0 };

/**
 * Keeps sampling and training in step. A group may start only while it can still be trained on before it is too old;
 * the bound holds where the work begins, so nothing is sampled to be thrown away.
 *
 *   rollouts ── admit() waits while too many groups are begun and not done
 *   training ── groupAdded() and groupRejected() of a rollout wake it; advance() after its step wakes the rollouts
 *
 * A batch is formed of `groupsPerStep · overSampling` candidates. Of groups that are rejected, others take the place only where
 * too few are left for a batch; so which groups form a batch depends on their numbers alone when `maxPolicyAge` is 0.
 *
 * Source: AReaL `staleness_manager.py`.
 */
export class Pacing {
  readonly #groupsPerStep: number;
  readonly #maxPolicyAge: number;
  /** Candidates for one batch. */
  readonly #window: number;
  readonly #inFlight = new Set<number>();
  /** Begun before, and lost: they come first. */
  readonly #lost: number[];
  #started: number;
  #done: number;
  #evicted: number;
  /** Since the last batch was formed. */
  #rejected = 0;
  /** Of each batch whose step is not done, the oldest first. */
  readonly #formed: number[] = [];
  #change = Promise.withResolvers<void>();

  /** @param state - of a run that goes on: its groups in flight are begun again. */
  constructor(
    { groupsPerStep, maxPolicyAge, overSampling = 1 }: PacingOptions,
    { started, inFlight, evicted, done }: PacingState = NOTHING_BEGUN,
  ) {
    this.#started = started;
    this.#lost = [...inFlight].toSorted((a, b) => a - b);
    this.#evicted = evicted;
    this.#done = done;
    this.#groupsPerStep = groupsPerStep;
    this.#maxPolicyAge = maxPolicyAge;
    this.#window = Math.ceil(groupsPerStep * overSampling);
  }

  get state(): PacingState {
    return {
      started: this.#started,
      inFlight: [...this.#lost, ...this.#inFlight],
      evicted: this.#evicted,
      done: this.#done + this.#formed.reduce((sum, count) => sum + count, 0) + this.#rejected,
    };
  }

  /** Groups that wait in the buffer, and those that are sampled or scored now. */
  get queue(): { readonly buffered: number; readonly inFlight: number } {
    const { started, inFlight, evicted, done } = this.state;
    return { buffered: started - inFlight.length - evicted - done, inFlight: inFlight.length };
  }

  /** How many groups the next batch is chosen from. */
  get candidates(): number {
    return Math.max(this.#groupsPerStep, this.#window - this.#rejected);
  }

  /** Groups that others were begun in place of, since the last batch was formed. */
  get replaced(): number {
    return Math.max(0, this.#rejected - (this.#window - this.#groupsPerStep));
  }

  /** The number of the next group, as soon as it may start. @throws the signal's reason when it aborts first. */
  async admit(signal: AbortSignal): Promise<number> {
    for (;;) {
      signal.throwIfAborted();
      const lost = this.#lost.shift();
      if (lost !== undefined) return this.#begin(lost);
      const pending = this.#started - this.#done - this.#evicted;
      if (pending < (1 + this.#maxPolicyAge) * this.#window + this.replaced) return this.#begin(this.#started++);
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

  /** A group that was admitted is in the buffer. */
  groupAdded(number: number): void {
    this.#inFlight.delete(number);
    this.#notify();
  }

  /** A group that was admitted will not be trained on. */
  groupRejected(number: number): void {
    this.#inFlight.delete(number);
    this.#rejected += 1;
    this.#notify();
  }

  /** So many groups were too old in the end, and must be replaced by others. */
  evictedSoFar(count: number): void {
    if (count === this.#evicted) return;
    this.#evicted = count;
    this.#notify();
  }

  /** A batch was chosen from so many groups of the buffer, which have left it. */
  batchFormed(candidates: number): void {
    this.#formed.push(candidates + this.#rejected);
    this.#rejected = 0;
  }

  /** The step on the oldest batch is done: others may begin. */
  advance(): void {
    this.#done += this.#formed.shift() ?? 0;
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
