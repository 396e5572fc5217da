import type { Floats } from './loss.ts';

/** What to do with an importance weight outside its bounds, for one token or for the whole sequence. */
export type CorrectionMode = 'token_truncate' | 'token_mask' | 'sequence_truncate' | 'sequence_mask';

/**
 * Weights the loss by how much likelier the trainer finds a sampled token than the sampler did: `w = exp(old − sampler)` of the
 * token, or `exp` of the sum over the sequence, held within bounds or 0 beyond them. The weight carries no gradient.
 * {@link corrections} has those with a name.
 *
 * Sources: Yao et al., "Your efficient RL framework secretly brings you off-policy RL training" (2025); TRL
 * `vllm_importance_sampling_mode`; verl `rollout_correction`.
 */
export interface Correction {
  readonly mode: CorrectionMode;
  /** @default 0 */
  readonly min?: number | undefined;
  /** @default Infinity */
  readonly max?: number | undefined;
  /** Leaves out sequences whose geometric mean of the tokens' weights is less, before `min` and `max` count. @default 0 */
  readonly geometricMin?: number | undefined;
  /** Leaves out sequences whose geometric mean of the tokens' weights is more. @default Infinity */
  readonly geometricMax?: number | undefined;
}

export type CorrectionName = 'tis' | 'mis' | 'icepop' | 'geometric';

/** Corrections that have a name. Sources: TRL and verl for `tis` and `mis`, slime for `icepop`, verl's `geo_rs` for `geometric`. */
export const corrections: Readonly<Record<CorrectionName, Correction>> = {
  tis: { mode: 'token_truncate', max: 2 },
  mis: { mode: 'sequence_mask', max: 3 },
  icepop: { mode: 'token_mask', min: 0.5, max: 5 },
  geometric: { mode: 'token_truncate', max: 2, geometricMin: 0.99, geometricMax: 1.01 },
};

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
export const correctionModes = Object.keys(modes) as readonly CorrectionMode[]; // the keys of a closed table

/**
 * Importance weights of one sequence: `exp(old − sampler)` a token, or `exp` of the sum over the sequence, within bounds.
 * Tokens that are masked out count as equally likely.
 */
export function importanceWeights(
  logRatios: Floats,
  isMasked: (token: number) => boolean,
  {
    mode,
    min = 0,
    max = Number.POSITIVE_INFINITY,
    geometricMin = 0,
    geometricMax = Number.POSITIVE_INFINITY,
  }: Correction,
): Float64Array {
  const { level, bound } = modes[mode];
  const weights = new Float64Array(logRatios.length);
  let sum = 0;
  let numTokens = 0;
  for (let t = 0; t < weights.length; t++) {
    const logRatio = isMasked(t) ? 0 : logRatios[t]!;
    sum += logRatio;
    numTokens += Number(!isMasked(t));
    weights[t] = bound(Math.exp(logRatio), min, max);
  }
  const geometricMean = Math.exp(sum / Math.max(1, numTokens));
  if (geometricMean < geometricMin || geometricMean > geometricMax) return weights.fill(0);
  return level === 'token' ? weights : weights.fill(bound(Math.exp(sum), min, max));
}
