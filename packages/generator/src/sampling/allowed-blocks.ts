// V vocabulary, K blocks of V / K tokens each
import type { Random } from '@forge/tensor';
import { lowestBit } from './allowed-tokens.ts';
import { expNegative } from './exp.ts';
import { type SoftmaxBlocks, totalOf } from './softmax-blocks.ts';

/** What a token is drawn with. */
export interface BlockDraw {
  /** [V / 32] A bit for each token that may be drawn. */
  readonly bits: Uint32Array;
  readonly temperature: number;
  /** Gives one number when a token is drawn, none otherwise. */
  readonly random: Random;
}

/**
 * Draws among nearly all tokens of a large vocabulary: of the sums of the blocks, the weights of the few tokens that are
 * left out are taken off. `undefined` where these are many, or so probable that rounding would tell in what remains.
 */
export function drawAllowedFromBlocks(
  logits_V: Float32Array,
  blocks: SoftmaxBlocks,
  { bits, temperature, random }: BlockDraw,
): number | undefined {
  const { sums_K } = blocks;
  const bestLogit = blocks.best[0]!;
  const weightOf = (id: number) => expNegative((logits_V[id]! - bestLogit) / temperature);
  const wordsABlock = bits.length / sums_K.length; // blocks are of 64 tokens or more
  if (numSet(bits) < (3 * logits_V.length) / 4) return undefined;
  const most = totalOf(blocks) / 2;
  const left_K = new Float64Array(sums_K.length);
  let leftOut = 0;
  let total = 0;
  for (let block = 0; block < sums_K.length; block++) {
    let sum = sums_K[block]!;
    let some = 0;
    for (let at = block * wordsABlock; at < (block + 1) * wordsABlock; at++) {
      const word = bits[at]!;
      some |= word;
      for (let out = ~word; out !== 0; out &= out - 1) {
        const weight = weightOf(at * 32 + lowestBit(out));
        sum -= weight;
        leftOut += weight;
      }
    }
    left_K[block] = some === 0 ? 0 : Math.max(0, sum);
    total += left_K[block]!;
  }
  if (!(leftOut < most)) return undefined;
  let rest = random.uniform() * total;
  let chosen = 0;
  // Rounding can leave a rest after the last block with a weight: then it is that one.
  for (let block = 0; block < left_K.length; block++) {
    if (left_K[block] === 0) continue;
    chosen = block;
    if (rest < left_K[block]!) break;
    rest -= left_K[block]!;
  }
  let last: number | undefined;
  for (let at = chosen * wordsABlock; at < (chosen + 1) * wordsABlock; at++) {
    for (let word = bits[at]!; word !== 0; word &= word - 1) {
      const id = at * 32 + lowestBit(word);
      const weight = weightOf(id);
      if (weight === 0) continue;
      rest -= weight;
      if (rest < 0) return id;
      last = id; // the graph sums in float32, so a rest can be left here, too
    }
  }
  return last;
}

function numSet(bits: Uint32Array): number {
  let count = 0;
  for (let at = 0; at < bits.length; at++) {
    // Source: Hacker's Delight, figure 5-2: pairs, fours, bytes, and their sum.
    let word = bits[at]!;
    word -= (word >>> 1) & 0x55555555;
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
    count += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}
