// P selected tokens, V vocabulary, K blocks of the vocabulary
import { type ModelConfig, softmaxBlockWidth } from '@forge/models';
import { type Tensor, tensor } from '@forge/tensor';
import type { Logits } from '../sampling/sampler.ts';

/** The tokens 0 … P-1 of a run as those whose logits are wanted. */
export interface SelectedTokens {
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly fetches: Readonly<Record<string, Tensor>>;
  /** What the softmax of each is taken at; 1 until it is written. */
  readonly temperatures_P: Float32Array;
  /** What a run has left in the fetches. */
  readonly logits: readonly Logits[];
}

/** @param logits_PV - memory for the logits. */
export function selectTokens({ vocabSize }: ModelConfig, logits_PV: Float32Array<ArrayBuffer>): SelectedTokens {
  const count = logits_PV.length / vocabSize;
  const width = softmaxBlockWidth({ vocabSize });
  const numBlocks = width === undefined ? 0 : vocabSize / width;
  const temperatures = tensor('float32', [count], new Float32Array(count).fill(1));
  const best = tensor('float32', [count, 1]);
  const sums = tensor('float32', [count, numBlocks]);
  const selected = tensor(
    'int64',
    [count],
    BigInt64Array.from({ length: count }, (_, token) => BigInt(token)),
  );
  const logits = tensor('float32', [count, vocabSize], logits_PV);
  const blocksOf = (token: number) => ({
    best: best.data.subarray(token, token + 1),
    sums_K: sums.data.subarray(token * numBlocks, (token + 1) * numBlocks),
  });
  return {
    feeds: width === undefined ? { selected } : { selected, temperature: temperatures },
    fetches: width === undefined ? { logits } : { logits, best_logit: best, softmax_sums: sums },
    temperatures_P: temperatures.data,
    logits: Array.from({ length: count }, (_, token) => ({
      values_V: logits_PV.subarray(token * vocabSize, (token + 1) * vocabSize),
      blocks: width === undefined ? undefined : blocksOf(token),
    })),
  };
}
