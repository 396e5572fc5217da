// B rows, V vocabulary
import { generationGraph, type ModelConfig, type Weights } from '@forge/models';
import { openSession, type Session, type SessionOptions } from '@forge/onnx';
import { type Tensor, tensor } from '@forge/tensor';
import { type BatchFeeds, type DecodeRow, decodeBatch, prefillBatch } from './batch.ts';
import { KvCache, type KvCacheShape } from './kv-cache.ts';

/** onnxruntime's products give a row the same bits in every matrix of two rows or more; one row takes another kernel. */
const INVARIANT_ROWS = 2;

/** How the model runs: options of the session, and what they leave open. */
export interface RunnerOptions extends SessionOptions {
  /**
   * Gives a sequence the same bits whatever runs beside it, alone included; needs `threads: 1`. Costs what computing
   * two rows costs more than one, where a run has only one. @default false
   */
  readonly batchInvariant?: boolean;
}

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
  readonly #minRows: number;
  #weights: Weights;
  #logits: Float32Array<ArrayBuffer> = new Float32Array(0);

  private constructor(config: ModelConfig, weights: Weights, session: Session, minRows: number) {
    this.config = config;
    this.#weights = weights;
    this.#session = session;
    this.#minRows = minRows;
    const shape = cacheShape(session);
    this.#slots = new KvCache(shape);
    this.#scratch = new KvCache(shape);
  }

  /**
   * Opens the session. The caller owns the runner.
   *
   * @throws {RangeError} when `batchInvariant` is wanted with other than one thread: several cut a product by its size,
   * and the order of its sums with it.
   */
  static async open(
    config: ModelConfig,
    weights: Weights,
    { batchInvariant = false, ...options }: RunnerOptions = {},
  ): Promise<Runner> {
    if (batchInvariant && options.threads !== 1) {
      throw new RangeError(`batchInvariant needs threads: 1, got ${options.threads ?? 'the default'}.`);
    }
    const session = await openSession(generationGraph(config), options);
    return new Runner(config, weights, session, batchInvariant ? INVARIANT_ROWS : 1);
  }

  /** The weights of every run that starts after this. They must fit the config. */
  setWeights(weights: Weights): void {
    this.#weights = weights;
  }

  /** Computes prompts as one batch, fills their slots, and returns the logits [V] after each prompt, valid until the next run. */
  async prefill(rows: readonly PrefillRow[]): Promise<readonly Float32Array[]> {
    const prompts = atLeast(
      this.#minRows,
      rows.map(({ promptIds }) => promptIds),
      [0],
    );
    // Attention multiplies the tokens of a sequence in blocks of an even number: none must have one left over.
    const longest = Math.max(...prompts.map((ids) => ids.length));
    const numTokens = Math.ceil(longest / this.#minRows) * this.#minRows;
    this.#scratch.ensure(prompts.length, numTokens);
    const logits = await this.#run(this.#scratch, prefillBatch(prompts, numTokens), prompts.length);
    this.#slots.ensure(1 + Math.max(...rows.flatMap(({ slots }) => slots)), numTokens);
    rows.forEach(({ promptIds, slots }, from) => {
      for (const to of slots) this.#slots.copySlot(this.#scratch, { from, to }, promptIds.length);
    });
    return logits.slice(0, rows.length);
  }

  /** Adds one token to each of the slots 0 … B-1 and returns their logits [V], valid until the next run. */
  async decode(rows: readonly DecodeRow[]): Promise<readonly Float32Array[]> {
    // A row more than was asked for writes to a slot that nobody has.
    const batch = atLeast(this.#minRows, rows, { tokenId: 0, numTokens: 1 });
    this.#slots.ensure(batch.length, Math.max(...batch.map(({ numTokens }) => numTokens)));
    const logits = await this.#run(this.#slots, decodeBatch(batch), batch.length);
    return logits.slice(0, rows.length);
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

/** `rows`, filled up with `filler` to so many. */
function atLeast<Row>(length: number, rows: readonly Row[], filler: Row): readonly Row[] {
  return rows.length >= length ? rows : [...rows, ...Array<Row>(length - rows.length).fill(filler)];
}

/** Read from the graph's inputs, because the graph may pad heads to a width that the attention operator takes. */
function cacheShape({ inputs }: Session): KvCacheShape {
  const keys = inputs.filter(({ name }) => name.startsWith('past_key.'));
  const [, numKvHeads, , headDim] = keys[0]!.shape as readonly [string, number, string, number]; // of `generationGraph`
  return { numLayers: keys.length, numKvHeads, headDim };
}
