import { endpoint } from '@forge/monarch';
import { drainMetrics, type Metrics, watchEventLoop } from '@forge/observability';
import { ForgeActor } from '@forge/service';

/** What the buffer needs to know of what it keeps. */
export interface Versioned {
  /** Order of use: the smaller first. */
  readonly number: number;
  /** The oldest weight version in it. */
  readonly policyVersion: number;
}

export interface ReplayBufferOptions {
  /** Items in one batch. */
  readonly batchSize: number;
  /** Weight versions an item may lag behind before it is evicted. @default 1 */
  readonly maxPolicyAge?: number;
}

/** Why items left the buffer, and how many are in it. */
export interface BufferCounts {
  readonly size: number;
  readonly added: number;
  readonly sampled: number;
  readonly evicted: number;
}

/** Everything a buffer holds, as plain data. */
export interface BufferStateDict<Item extends Versioned> extends Omit<BufferCounts, 'size'> {
  readonly items: readonly Item[];
}

/**
 * Holds what was sampled until a batch is complete. Each item is used once; a batch takes the smallest numbers, in their
 * order, so where only one batch is under way it does not depend on the order of arrival.
 *
 * Source: TorchForge `forge/actors/replay_buffer.py`.
 */
export class ReplayBuffer<Item extends Versioned> extends ForgeActor {
  static readonly module: string = import.meta.url;
  readonly #batchSize: number;
  readonly #maxPolicyAge: number;
  readonly #items = new Map<number, Item>();
  #added = 0;
  #sampled = 0;
  #evicted = 0;
  #eventLoop: Disposable | undefined;

  constructor({ batchSize, maxPolicyAge = 1 }: ReplayBufferOptions) {
    super();
    checkBatchSize(batchSize);
    if (!(maxPolicyAge >= 0)) throw new RangeError(`maxPolicyAge must be at least 0, got ${maxPolicyAge}.`);
    this.#batchSize = batchSize;
    this.#maxPolicyAge = maxPolicyAge;
  }

  override async setup(): Promise<void> {
    this.#eventLoop = watchEventLoop('buffer_perf');
  }

  override async cleanup(): Promise<void> {
    this.#eventLoop?.[Symbol.dispose]();
  }

  /** Keeps an item. One with a number that is held already replaces it. */
  readonly add = endpoint((item: Item): void => {
    this.#items.set(item.number, item);
    this.#added += 1;
  });

  /**
   * A full batch for training at `policyVersion`, or `undefined` while there are too few fresh items.
   *
   * @param batchSize - of this batch alone. @default that of the buffer
   */
  readonly sample = endpoint(
    (policyVersion: number, batchSize: number = this.#batchSize): readonly Item[] | undefined => {
      checkBatchSize(batchSize);
      this.#evict(policyVersion);
      if (this.#items.size < batchSize) return undefined;
      const batch = [...this.#items.values()].sort((a, b) => a.number - b.number).slice(0, batchSize);
      for (const { number } of batch) this.#items.delete(number);
      this.#sampled += batch.length;
      return batch;
    },
  );

  /** Drops what is older than the bound at `policyVersion`; the number of dropped items. */
  readonly evict = endpoint((policyVersion: number): number => this.#evict(policyVersion));

  readonly clear = endpoint((): void => this.#items.clear());

  /** How much came and went; cheap, whatever the items are. */
  readonly counts = endpoint((): BufferCounts => ({ size: this.#items.size, ...this.#history() }));

  /** Items and counts, for a checkpoint. */
  readonly stateDict = endpoint(
    (): BufferStateDict<Item> => ({ items: [...this.#items.values()], ...this.#history() }),
  );

  /** Goes on from what `stateDict` gave; drops what is held. The options stay those of this buffer. */
  readonly loadStateDict = endpoint(({ items, added, sampled, evicted }: BufferStateDict<Item>): void => {
    this.#items.clear();
    for (const item of items) this.#items.set(item.number, item);
    this.#added = added;
    this.#sampled = sampled;
    this.#evicted = evicted;
  });

  /** What was recorded in this process since the last time; for `observe` of a `MetricLogger`. */
  readonly drainMetrics = endpoint((): Metrics => drainMetrics(), { concurrency: Number.POSITIVE_INFINITY });

  #history(): Omit<BufferCounts, 'size'> {
    return { added: this.#added, sampled: this.#sampled, evicted: this.#evicted };
  }

  #evict(policyVersion: number): number {
    const oldest = policyVersion - this.#maxPolicyAge;
    const stale = [...this.#items.values()].filter((item) => item.policyVersion < oldest);
    for (const { number } of stale) this.#items.delete(number);
    this.#evicted += stale.length;
    return stale.length;
  }
}

function checkBatchSize(batchSize: number): void {
  if (Number.isInteger(batchSize) && batchSize > 0) return;
  throw new RangeError(`batchSize must be a whole number above 0, got ${batchSize}.`);
}
