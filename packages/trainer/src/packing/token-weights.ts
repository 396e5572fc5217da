import type { PickWeights } from '../passes/passes.ts';
import { gatherPicks, type MicroBatch } from './pack.ts';
import type { Scores } from './scores.ts';

/**
 * `dL/dlogProb` of each token of each sequence; or what computes them for some sequences, by their places in the batch, once
 * their scores are there. The order of the rows is that of the places.
 */
export type TokenWeights =
  | readonly ArrayLike<number>[]
  | ((places: readonly number[], scores: Scores) => readonly ArrayLike<number>[]);

interface WeighOptions {
  readonly tokenWeights: TokenWeights;
  /** Those of the micro-batch are there. */
  readonly scores: Scores;
  readonly hasEntropy: boolean;
  readonly entropyWeight: number;
}

/** The places in the batch of the sequences that a micro-batch scores. */
const placesOf = ({ pickSequence }: MicroBatch): readonly number[] => [...new Set(pickSequence)];

/** What each pick of a micro-batch weighs; `undefined` where nothing weighs anything. */
export function weighPicks(
  batch: MicroBatch,
  { tokenWeights, scores, hasEntropy, entropyWeight }: WeighOptions,
): PickWeights | undefined {
  const weights = gatherPicks(batch, rowsOf(batch, tokenWeights, scores));
  if (entropyWeight === 0 && weights.every((weight) => weight === 0)) return undefined;
  return { weights, ...(hasEntropy && { entropy_weights: new Float32Array(weights.length).fill(entropyWeight) }) };
}

/** The weights of the sequences in a micro-batch, by their places in the batch. */
function rowsOf(batch: MicroBatch, tokenWeights: TokenWeights, scores: Scores): readonly ArrayLike<number>[] {
  if (typeof tokenWeights !== 'function') return tokenWeights;
  const places = placesOf(batch);
  const computed = tokenWeights(places, scores);
  const rows: ArrayLike<number>[] = [];
  for (const [i, place] of places.entries()) rows[place] = computed[i]!; // one row a place
  return rows;
}
