import { type KlEstimator, klEstimators } from './kl.ts';
import type { Floats } from './loss.ts';

/** Completions as they were sampled, ragged: one number a token. */
export interface SampledTokens {
  /** Of the policy that sampled them. */
  readonly logProbs: readonly Floats[];
  /** Of the frozen reference model. */
  readonly refLogProbs: readonly Floats[];
  /** 0 where a token was not sampled. @default every token was */
  readonly masks?: readonly ArrayLike<number>[];
}

export interface KlRewardOptions {
  /** What a nat of divergence costs. */
  readonly beta: number;
  /** @default 'k1', whose mean over samples is the divergence and whose gradient is that of the divergence */
  readonly estimator?: KlEstimator;
}

/**
 * Rewards of single tokens for staying near the reference model: `−beta · k_t`, 0 where a token is masked out. They carry no
 * gradient of their own.
 *
 * Sources: InstructGPT (arXiv 2203.02155, section 3.5); verl `apply_kl_penalty`.
 */
export function klRewards(
  { logProbs, refLogProbs, masks }: SampledTokens,
  { beta, estimator = 'k1' }: KlRewardOptions,
): readonly Float64Array[] {
  const k = klEstimators[estimator];
  return logProbs.map((row, b) =>
    Float64Array.from(row, (logProb, t) =>
      masks?.[b]?.[t] === 0 ? 0 : -beta * k(logProb - refLogProbs[b]![t]!).value,
    ),
  );
}

/** What is still to come at each token: `G_t = Σ_{s ≥ t} r_s`. A token cannot change what was rewarded before it. */
export function returnsToGo(rewards: Floats): Float64Array {
  const returns = Float64Array.from(rewards);
  for (let t = returns.length - 2; t >= 0; t--) returns[t]! += returns[t + 1]!;
  return returns;
}

/**
 * Rewards of completions with those of their tokens added, to make group advantages of: `R_b − beta · Σ_t k_t`. A completion
 * without a score stays without one.
 *
 * Sources: TRL `RLOOTrainer`; verl `kl_in_reward`.
 */
export function penalizeByKl(
  rewards: readonly (number | undefined)[],
  tokens: SampledTokens,
  options: KlRewardOptions,
): (number | undefined)[] {
  const penalties = klRewards(tokens, options);
  return rewards.map((reward, b) => (reward === undefined ? undefined : reward + (returnsToGo(penalties[b]!)[0] ?? 0)));
}
