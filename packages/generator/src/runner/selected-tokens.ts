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

/**
 * @param logits_PV - memory for the logits.
 * @param batchInvariant - whether the graph is, which gives log-probabilities.
 */
export function selectTokens(
  { vocabSize }: ModelConfig,
  logits_PV: Float32Array<ArrayBuffer>,
  batchInvariant: boolean,
): SelectedTokens {
  return batchInvariant ? withLogProbs(vocabSize, logits_PV) : withBlocks(vocabSize, logits_PV);
}

function withLogProbs(vocabSize: number, logits_PV: Float32Array<ArrayBuffer>): SelectedTokens {
  const { count, selected, temperature, logits, row } = tensorsOf(vocabSize, logits_PV);
  const logProbs = tensor('float32', [count, vocabSize]);
  return {
    feeds: { selected, temperature },
    fetches: { logits, log_probs: logProbs },
    temperatures_P: temperature.data,
    logits: Array.from({ length: count }, (_, token) => ({
      values_V: row(logits_PV, token),
      logProbs_V: row(logProbs.data, token),
    })),
  };
}

function withBlocks(vocabSize: number, logits_PV: Float32Array<ArrayBuffer>): SelectedTokens {
  const { count, selected, temperature, logits, row } = tensorsOf(vocabSize, logits_PV);
  const width = softmaxBlockWidth({ vocabSize });
  const numBlocks = width === undefined ? 0 : vocabSize / width;
  const best = tensor('float32', [count, 1]);
  const sums = tensor('float32', [count, numBlocks]);
  const blocksOf = (token: number) => ({
    best: best.data.subarray(token, token + 1),
    sums_K: sums.data.subarray(token * numBlocks, (token + 1) * numBlocks),
  });
  return {
    feeds: width === undefined ? { selected } : { selected, temperature },
    fetches: width === undefined ? { logits } : { logits, best_logit: best, softmax_sums: sums },
    temperatures_P: temperature.data,
    logits: Array.from({ length: count }, (_, token) => ({
      values_V: row(logits_PV, token),
      blocks: width === undefined ? undefined : blocksOf(token),
    })),
  };
}

/** What every graph takes and gives of its selected tokens. */
function tensorsOf(vocabSize: number, logits_PV: Float32Array<ArrayBuffer>) {
  const count = logits_PV.length / vocabSize;
  const selected = BigInt64Array.from({ length: count }, (_, token) => BigInt(token));
  return {
    count,
    selected: tensor('int64', [count], selected),
    temperature: tensor('float32', [count], new Float32Array(count).fill(1)),
    logits: tensor('float32', [count, vocabSize], logits_PV),
    row: (values_PV: Float32Array, token: number) => values_PV.subarray(token * vocabSize, (token + 1) * vocabSize),
  };
}
