import type { Session } from '@forge/onnx';
import { type Tensor, tensor } from '@forge/tensor';
import { cacheHeadDim, type ModelConfig, rotationTables } from '../src/index.ts';
import { int64 } from './golden-model.ts';

export interface CachedDecoderOptions {
  readonly numSequences: number;
  /** Tokens that the cache holds for each sequence. */
  readonly capacity: number;
}

/** A batch of sequences with their caches, over a session of `generationGraph`. */
export class CachedDecoder {
  readonly lengths: number[];
  readonly #session: Session;
  readonly #weights: Readonly<Record<string, Tensor>>;
  readonly #tables: Readonly<Record<string, Tensor>>;
  readonly #pasts: Record<string, Tensor> = {};
  readonly #presents: Record<string, Tensor> = {};

  constructor(
    model: {
      readonly session: Session;
      readonly config: ModelConfig;
      readonly weights: Readonly<Record<string, Tensor>>;
    },
    { numSequences, capacity }: CachedDecoderOptions,
  ) {
    const { numHiddenLayers, numKeyValueHeads } = model.config;
    this.#session = model.session;
    this.#weights = model.weights;
    this.#tables = rotationTables(model.config, capacity);
    this.lengths = new Array<number>(numSequences).fill(0);
    for (let layer = 0; layer < numHiddenLayers; layer += 1) {
      for (const what of ['key', 'value']) {
        const cache = tensor('float32', [numSequences, numKeyValueHeads, capacity, cacheHeadDim(model.config)]);
        this.#pasts[`past_${what}.${layer}`] = cache;
        this.#presents[`present_${what}.${layer}`] = cache;
      }
    }
  }

  /** Appends tokens to every sequence, shorter ones padded on the right; returns the logits after the last of each. */
  async step(sequences: readonly (readonly number[])[], paddingId = 0): Promise<readonly Float32Array[]> {
    const batch = sequences.length;
    const numTokens = Math.max(...sequences.map((ids) => ids.length));
    const before = [...this.lengths];
    sequences.forEach((ids, row) => {
      this.lengths[row] = before[row]! + ids.length;
    });
    const ids = sequences.flatMap((row) => Array.from({ length: numTokens }, (_, token) => row[token] ?? paddingId));
    const positions = before.flatMap((start) => Array.from({ length: numTokens }, (_, token) => start + token));
    const { logits } = await this.#session.run(
      {
        input_ids: int64([batch, numTokens], ids),
        position_ids: int64([batch, numTokens], positions),
        seqlens_k: tensor(
          'int32',
          [batch],
          Int32Array.from(this.lengths, (length) => length - 1),
        ),
        total_sequence_length: tensor('int32', [], Int32Array.of(Math.max(...before) + numTokens)),
        selected: int64(
          [batch],
          sequences.map((ids, row) => row * numTokens + ids.length - 1),
        ),
        ...this.#tables,
        ...this.#weights,
        ...this.#pasts,
      },
      { logits: tensor('float32', [batch, this.#vocabSize]), ...this.#presents },
    );
    const data = logits!.data as Float32Array; // fetched as float32
    return sequences.map((_, row) => data.subarray(row * this.#vocabSize, (row + 1) * this.#vocabSize));
  }

  get #vocabSize(): number {
    return this.#weights['model.embed_tokens.weight']!.shape[0]!;
  }
}

/** Log-probabilities of every token of the vocabulary. */
export function logSoftmaxOf(logits: Float32Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0)) + largest;
  return Float64Array.from(logits, (logit) => logit - total);
}

/** The index of the largest logit. */
export function best(logits: Float32Array): number {
  return logits.reduce((at, logit, index) => (logit > logits[at]! ? index : at), 0);
}
