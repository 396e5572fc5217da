import type { LentVersion } from '../runner/lent-weights.ts';
import type { QuantizationMismatch } from '../runner/quantization-mismatch.ts';
import type { PreparedWeights } from '../runner/weight-sessions.ts';

/**
 * What an update does to sequences that are running: `inFlight` goes on with their caches, `recompute` computes their caches again with
 * the new weights and goes on, `drain` lets them finish first and admits no others meanwhile, `abort` ends them with what they have.
 */
export type UpdateMode = 'inFlight' | 'recompute' | 'drain' | 'abort';

/** From the gentlest on: an update that overtakes a stricter one is as strict. */
const strictness: readonly UpdateMode[] = ['inFlight', 'recompute', 'drain', 'abort'];

/** New weights, once they are wanted. */
export type WeightsSource = (signal: AbortSignal) => Promise<LentVersion>;

/** An update that waits for its moment between two steps. */
export interface ReadyUpdate {
  readonly weights: PreparedWeights;
  readonly version: number;
  readonly mode: UpdateMode;
}

interface WaitingUpdate {
  readonly source: WeightsSource;
  readonly version: number;
  readonly mode: UpdateMode;
  /** Of this one and all that it overtook. */
  readonly settled: PromiseWithResolvers<QuantizationMismatch | undefined>;
}

/** What updates are made with. */
export interface UpdateQueueOptions {
  readonly prepare: (lent: LentVersion, signal: AbortSignal) => Promise<PreparedWeights>;
  /** Called when an update is ready. */
  readonly onReady: () => void;
}

/**
 * Fetches and prepares updates one after the other, beside the steps. Of those that wait meanwhile only the newest is
 * made; the others settle with it.
 */
export class UpdateQueue {
  readonly #options: UpdateQueueOptions;
  readonly #stopping = new AbortController();
  #waiting: WaitingUpdate | undefined;
  #ready: (ReadyUpdate & { readonly applied: PromiseWithResolvers<void> }) | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(options: UpdateQueueOptions) {
    this.#options = options;
  }

  /** The next update to apply. */
  get ready(): ReadyUpdate | undefined {
    return this.#ready;
  }

  /** Settles when these weights, or newer ones that overtook them, are applied, with their mismatch if it was measured. */
  add(source: WeightsSource, version: number, mode: UpdateMode): Promise<QuantizationMismatch | undefined> {
    const overtaken = this.#waiting;
    const settled = overtaken?.settled ?? Promise.withResolvers<QuantizationMismatch | undefined>();
    this.#waiting = { source, version, mode: overtaken ? stricter(overtaken.mode, mode) : mode, settled };
    if (!overtaken) this.#work = this.#work.then(() => this.#next());
    return settled.promise;
  }

  /** The ready update is in use now, and no longer owned here. */
  markApplied(): void {
    const ready = this.#ready;
    this.#ready = undefined;
    ready?.applied.resolve();
  }

  /** Fails what is not applied with `reason`, and gives its weights back. */
  async stop(reason: unknown): Promise<void> {
    this.#stopping.abort(reason);
    const ready = this.#ready;
    this.#ready = undefined;
    ready?.applied.reject(reason);
    await ready?.weights[Symbol.asyncDispose]();
    await this.#work;
  }

  async #next(): Promise<void> {
    const update = this.#waiting!; // `add` has put it there
    this.#waiting = undefined;
    const { source, version, mode, settled } = update;
    const { signal } = this.#stopping;
    try {
      signal.throwIfAborted();
      const weights = await this.#options.prepare(await source(signal), signal);
      if (signal.aborted) {
        await weights[Symbol.asyncDispose]();
        throw signal.reason;
      }
      const applied = Promise.withResolvers<void>();
      this.#ready = { weights, version, mode, applied };
      this.#options.onReady();
      await applied.promise;
      settled.resolve(weights.mismatch);
    } catch (error) {
      settled.reject(error);
    }
  }
}

function stricter(a: UpdateMode, b: UpdateMode): UpdateMode {
  return strictness.indexOf(a) > strictness.indexOf(b) ? a : b;
}
