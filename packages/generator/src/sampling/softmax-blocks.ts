// V vocabulary, K blocks of V / K tokens each
import { expNegative } from './exp.ts';

/** The softmax of one token's logits at some temperature, summed over blocks of the vocabulary by the graph. */
export interface SoftmaxBlocks {
  /** [1] The largest logit. */
  readonly best: Float32Array;
  /** [K] Sums of exp((logit - best) / temperature). */
  readonly sums_K: Float32Array;
}

/** The sum over all blocks. */
export function totalOf({ sums_K }: SoftmaxBlocks): number {
  let total = 0;
  for (let block = 0; block < sums_K.length; block++) total += sums_K[block]!;
  return total;
}

/** The token at `mass`, from 0 to the total, of the cumulative weights in order of ids; reads the logits of one block. */
export function drawFromBlocks(
  logits_V: Float32Array,
  { best, sums_K }: SoftmaxBlocks,
  { temperature, mass }: { readonly temperature: number; readonly mass: number },
): number {
  const width = logits_V.length / sums_K.length;
  const bestLogit = best[0]!;
  let rest = mass;
  let at = 0;
  // Rounding can leave a rest after the last block with a weight: then it is that one.
  for (let block = 0; block < sums_K.length; block++) {
    if (sums_K[block] === 0) continue;
    at = block;
    if (rest < sums_K[block]!) break;
    rest -= sums_K[block]!;
  }
  let last = at * width;
  for (let id = at * width; id < (at + 1) * width; id++) {
    const weight = expNegative((logits_V[id]! - bestLogit) / temperature);
    if (weight === 0) continue;
    rest -= weight;
    if (rest < 0) return id;
    last = id; // the graph sums in float32, so a rest can be left here, too
  }
  return last;
}
