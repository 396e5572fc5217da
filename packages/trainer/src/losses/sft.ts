import { LossInputError } from '../errors.ts';
import type { BatchCounts, Floats, LossResult } from './loss.ts';

/** Text to imitate: log-probabilities of its tokens, one array a sequence. */
export interface SftBatch {
  readonly logProbs: readonly Floats[];
  /** 0 where a token is not to be learned. @default every token is */
  readonly masks?: readonly ArrayLike<number>[];
  /** @default the sizes of this batch */
  readonly counts?: BatchCounts;
}

/**
 * Cross entropy: `L = −Σ_t m_t·logProb_t / Σ_t m_t` over every token of the whole batch.
 *
 * @throws {LossInputError} when a mask does not fit its sequence.
 */
export function sftLoss({ logProbs, masks, counts }: SftBatch): LossResult<Record<never, number>> {
  const weights = logProbs.map((row, b) => {
    const mask = masks?.[b];
    if (masks !== undefined && mask?.length !== row.length) {
      throw new LossInputError(
        'masks',
        `${mask?.length ?? 0} tokens in sequence ${b} where logProbs has ${row.length}.`,
      );
    }
    return Float64Array.from(row, (_, t) => (mask === undefined || mask[t] !== 0 ? 1 : 0));
  });
  const tokens = counts?.tokens ?? weights.reduce((sum, row) => sum + row.reduce((count, one) => count + one, 0), 0);
  const share = 1 / Math.max(1, tokens);
  let loss = 0;
  for (const [b, weight] of weights.entries()) {
    for (let t = 0; t < weight.length; t++) {
      if (weight[t] === 0) continue;
      loss -= share * logProbs[b]![t]!;
      weight[t] = -share;
    }
  }
  return { loss, weights, metrics: {} };
}
