import type { Floats } from './loss.ts';

/** What to do with an importance weight outside its bounds, for one token or for the whole sequence. */
export type CorrectionMode = 'token_truncate' | 'token_mask' | 'sequence_truncate' | 'sequence_mask';

/**
 * Weights the loss by how much likelier the trainer finds a sampled token than the sampler did: `w = exp(old − sampler)` of the
 * token, or `exp` of the sum over the sequence, held within bounds or 0 beyond them. The weight carries no gradient.
 * `token_truncate` with `max` 2 is TIS, `sequence_mask` is MIS.
 *
 * Sources: Yao et al., "Your efficient RL framework secretly brings you off-policy RL training" (2025); TRL
 * `vllm_importance_sampling_mode`; verl `rollout_correction`.
 */
export interface Correction {
  readonly mode: CorrectionMode;
  /** @default 0 */
  readonly min?: number;
  /** @default Infinity */
  readonly max?: number;
}

type Bound = (weight: number, min: number, max: number) => number;

const truncate: Bound = (weight, min, max) => Math.min(max, Math.max(min, weight));
const mask: Bound = (weight, min, max) => (weight < min || weight > max ? 0 : weight);

const modes: Readonly<Record<CorrectionMode, { readonly level: 'token' | 'sequence'; readonly bound: Bound }>> = {
  token_truncate: { level: 'token', bound: truncate },
  token_mask: { level: 'token', bound: mask },
  sequence_truncate: { level: 'sequence', bound: truncate },
  sequence_mask: { level: 'sequence', bound: mask },
};

/** Every mode, by name. */
export const correctionModes: readonly string[] = Object.keys(modes);

/**
 * Importance weights of one sequence: `exp(old − sampler)` a token, or `exp` of the sum over the sequence, within bounds.
 * Tokens that are masked out count as equally likely.
 */
export function importanceWeights(
  logRatios: Floats,
  isMasked: (token: number) => boolean,
  { mode, min = 0, max = Number.POSITIVE_INFINITY }: Correction,
): Float64Array {
  const { level, bound } = modes[mode];
  const weights = new Float64Array(logRatios.length);
  let sum = 0;
  for (let t = 0; t < weights.length; t++) {
    const logRatio = isMasked(t) ? 0 : logRatios[t]!;
    sum += logRatio;
    weights[t] = bound(Math.exp(logRatio), min, max);
  }
  return level === 'token' ? weights : weights.fill(bound(Math.exp(sum), min, max));
}
