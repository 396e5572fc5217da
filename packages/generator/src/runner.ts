// B rows, V vocabulary
import { generationGraph, type ModelConfig, type Weights } from '@forge/models';
import { openSession, type Session } from '@forge/onnx';
import { type Tensor, tensor } from '@forge/tensor';
import { type BatchFeeds, type DecodeRow, decodeBatch, prefillBatch } from './batch.ts';
import { KvCache, type KvCacheShape } from './kv-cache.ts';

/** How the model runs; passed to the session. */
export type RunnerOptions = NonNullable<Parameters<typeof openSession>[1]>;

/** A prompt to compute once, and the slots its keys and values are copied to. */
export interface PrefillRow {
  readonly promptIds: readonly number[];
  readonly slots: readonly number[];
}

/** Computes logits: one session for prefill and decode, and the key/value cache of the slots. Knows no requests. */
export class Runner implements AsyncDisposable {
  readonly config: ModelConfig;
  readonly #session: Session;
  readonly #slots: KvCache;
  /** Prompts of different lengths are computed here, so that padding never touches a slot. */
  readonly #scratch: KvCache;
  #weights: Weights;
  #logits: Float32Array<ArrayBuffer> = new Float32Array(0);

  private constructor(config: ModelConfig, weights: Weights, session: Session) {
    this.config = config;
    this.#weights = weights;
    this.#session = session;
    const shape = cacheShape(session);
    this.#slots = new KvCache(shape);
    this.#scratch = new KvCache(shape);
  }

  /** Opens the session. The caller owns the runner. */
  static async open(config: ModelConfig, weights: Weights, options: RunnerOptions = {}): Promise<Runner> {
    return new Runner(config, weights, await openSession(generationGraph(config), options));
  }

  /** The weights of every run that starts after this. They must fit the config. */
  setWeights(weights: Weights): void {
    this.#weights = weights;
  }

  /** Computes prompts as one batch, fills their slots, and returns the logits [V] after each prompt, valid until the next run. */
  async prefill(rows: readonly PrefillRow[]): Promise<readonly Float32Array[]> {
    const numTokens = Math.max(...rows.map(({ promptIds }) => promptIds.length));
    this.#scratch.ensure(rows.length, numTokens);
    const logits = await this.#run(this.#scratch, prefillBatch(rows.map(({ promptIds }) => promptIds)), rows.length);
    this.#slots.ensure(1 + Math.max(...rows.flatMap(({ slots }) => slots)), numTokens);
    rows.forEach(({ promptIds, slots }, from) => {
      for (const to of slots) this.#slots.copySlot(this.#scratch, { from, to }, promptIds.length);
    });
    return logits;
  }

  /** Adds one token to each of the slots 0 … B-1 and returns their logits [V], valid until the next run. */
  async decode(rows: readonly DecodeRow[]): Promise<readonly Float32Array[]> {
    this.#slots.ensure(rows.length, Math.max(...rows.map(({ numTokens }) => numTokens)));
    return this.#run(this.#slots, decodeBatch(rows), rows.length);
  }

  /** Copies the first `numTokens` tokens of one slot over another. */
  moveSlot(move: { readonly from: number; readonly to: number }, numTokens: number): void {
    this.#slots.copySlot(this.#slots, move, numTokens);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }

  async #run(cache: KvCache, batch: BatchFeeds, numRows: number): Promise<readonly Float32Array[]> {
    const { vocabSize } = this.config;
    if (this.#logits.length < numRows * vocabSize) this.#logits = new Float32Array(numRows * vocabSize);
    const logits_BV = this.#logits.subarray(0, numRows * vocabSize);
    const { feeds, fetches } = cache.views(numRows);
    const logits: Tensor = tensor('float32', [numRows, vocabSize], logits_BV);
    await this.#session.run({ ...this.#weights, ...feeds, ...batch }, { ...fetches, logits });
    return Array.from({ length: numRows }, (_, row) => logits_BV.subarray(row * vocabSize, (row + 1) * vocabSize));
  }
}

/** Read from the graph's inputs, because the graph may pad heads to a width that the attention operator takes. */
function cacheShape({ inputs }: Session): KvCacheShape {
  const keys = inputs.filter(({ name }) => name.startsWith('past_key.'));
  const [, numKvHeads, , headDim] = keys[0]!.shape as readonly [string, number, string, number]; // of `generationGraph`
  return { numLayers: keys.length, numKvHeads, headDim };
}
