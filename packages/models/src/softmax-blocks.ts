// P tokens, V vocabulary, K blocks of W tokens of the vocabulary

import { div, exp, reduceMax, reduceSum, reshape, sub, unsqueeze, type Value } from '@forge/onnx';
import type { ModelConfig } from './config.ts';

/** A smaller vocabulary is read as quickly by the one who draws from it. */
const LEAST_VOCABULARY = 4096;
const WIDTHS = [128, 256, 512, 64, 1024] as const;

/**
 * Tokens of a block in which the softmax over the vocabulary is summed; `undefined` where the vocabulary is small, or a
 * multiple of no such number.
 */
export function softmaxBlockWidth({ vocabSize }: Pick<ModelConfig, 'vocabSize'>): number | undefined {
  return vocabSize < LEAST_VOCABULARY ? undefined : WIDTHS.find((width) => vocabSize % width === 0);
}

/**
 * What a token is drawn with from a large vocabulary without reading all of it: the largest logit `best_P1`, and the sums
 * [P, K] of exp((logit - best) / temperature) over each block.
 */
export function softmaxBlocks(
  logits_PV: Value,
  temperature_P: Value,
  width: number,
): { readonly best_P1: Value; readonly sums_PK: Value } {
  const [P, V] = logits_PV.shape as readonly [string, number]; // of the generation graph
  const best_P1 = reduceMax(logits_PV, [1], { keepDims: true });
  const weights_PV = exp(div(sub(logits_PV, best_P1), unsqueeze(temperature_P, [1])));
  const sums_PK = reduceSum(reshape(weights_PV, [P, V / width, width]), [2]);
  return { best_P1, sums_PK };
}
