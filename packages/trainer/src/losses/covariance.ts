import { Random } from '@forge/tensor';
import type { Floats } from './loss.ts';
import { countTokens, type PolicyBatch } from './policy-batch.ts';

/** What becomes of tokens whose covariance says that they would take most of the entropy. */
export type EntropyGuard = 'clip' | 'penalize';

/** Which tokens those are, and what they cost. */
export interface CovarianceOptions {
  /** Share of the tokens of a batch; one at least. @default 0.0002 */
  readonly share?: number;
  /** Only what is above is clipped. @default 1 */
  readonly min?: number;
  /** Only what is below is clipped. @default 5 */
  readonly max?: number;
  /** Times the distance from the old policy, of tokens that are penalized. @default 1 */
  readonly penalty?: number;
}

/** What covariances are made of; entry `b` belongs to sequence `b`. */
export type CovarianceBatch = Pick<PolicyBatch, 'advantages' | 'masks'> & {
  /** Under the policy that sampled: it is known of the whole batch before a part of it is trained on. */
  readonly logProbs: readonly Floats[];
};

interface PlacedToken {
  readonly sequence: number;
  readonly token: number;
  readonly covariance: number;
}

/**
 * Marks, with 1, the tokens of a batch that drive the entropy down: `(A − mean A)·(l − mean l)` is large where a likely token is
 * better than others, or an unlikely one worse. To `penalize`, the largest; to `clip`, some between `min` and `max`, drawn by
 * chance, though equally from equal batches.
 *
 * Source: "The Entropy Mechanism of Reinforcement Learning for Reasoning Language Models" (arXiv 2505.22617, section 4), which
 * takes the log-probabilities of the step; verl `clip_cov` and `kl_cov`.
 */
export function tokensByCovariance(
  batch: CovarianceBatch,
  guard: EntropyGuard,
  { share = 2e-4, min = 1, max = 5 }: CovarianceOptions,
): readonly Uint8Array[] {
  const { logProbs, advantages, masks } = batch;
  const marks = logProbs.map(({ length }) => new Uint8Array(length));
  const count = logProbs.reduce((sum, _, b) => sum + countTokens(batch, b), 0);
  const advantageOf = (b: number, t: number): number => {
    const advantage = advantages[b]!; // one a sequence
    return typeof advantage === 'number' ? advantage : advantage[t]!;
  };
  const eachToken = (visit: (b: number, t: number) => void): void => {
    for (const [b, row] of logProbs.entries()) {
      for (let t = 0; t < row.length; t++) if (masks?.[b]?.[t] !== 0) visit(b, t);
    }
  };
  let [advantageSum, logProbSum] = [0, 0];
  eachToken((b, t) => {
    advantageSum += advantageOf(b, t);
    logProbSum += logProbs[b]![t]!;
  });
  const tokens: PlacedToken[] = [];
  eachToken((sequence, token) => {
    const covariance =
      (advantageOf(sequence, token) - advantageSum / count) * (logProbs[sequence]![token]! - logProbSum / count);
    if (guard === 'penalize' || (covariance > min && covariance < max)) tokens.push({ sequence, token, covariance });
  });
  const ordered =
    guard === 'penalize'
      ? tokens.toSorted((a, b) => b.covariance - a.covariance)
      : new Random(count).split(`${tokens.length} tokens`).shuffle(tokens);
  for (const { sequence, token } of ordered.slice(0, Math.max(1, Math.floor(share * count)))) {
    marks[sequence]![token] = 1;
  }
  return marks;
}
