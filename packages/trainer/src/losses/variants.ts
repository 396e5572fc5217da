import type { Aggregation } from './aggregation.ts';
import type { Correction } from './correction.ts';
import type { EntropyGuard } from './covariance.ts';
import type { Bounds, ObjectiveName } from './objectives.ts';
import type { RatioLevel } from './ratio.ts';

export type PolicyLossName =
  | 'grpo'
  | 'bnpo'
  | 'dr_grpo'
  | 'dapo'
  | 'gspo'
  | 'gspo_token'
  | 'luspo'
  | 'gmpo'
  | 'cispo'
  | 'sapo'
  | 'vespo'
  | 'dppo'
  | 'clip_cov'
  | 'kl_cov'
  | 'reinforce'
  | 'simple_grpo';

/** What a named loss is made of. */
export interface Variant {
  readonly objective: ObjectiveName;
  /** Whose ratio a token sees. */
  readonly level: RatioLevel;
  readonly aggregation: Aggregation;
  /** The ratio is 1 and only its gradient counts: old log-probabilities are not read. */
  readonly isOnPolicy: boolean;
  readonly beta: number;
  readonly bounds: Bounds;
  readonly correction: Correction | undefined;
  /** What becomes of the tokens that would take most of the entropy. */
  readonly entropyGuard: EntropyGuard | undefined;
}

const unbounded: Bounds = {
  epsilonLow: 0.2,
  epsilonHigh: 0.2,
  delta: Number.POSITIVE_INFINITY,
  dualClip: Number.POSITIVE_INFINITY,
  tauPositive: 1,
  tauNegative: 1.05,
};

const clipped: Variant = {
  objective: 'clip',
  level: 'token',
  aggregation: 'sequenceMean',
  isOnPolicy: false,
  beta: 0,
  bounds: unbounded,
  correction: undefined,
  entropyGuard: undefined,
};

/**
 * The named losses. Sources: `grpo` arXiv 2402.03300; `dr_grpo` arXiv 2503.20783; `dapo` arXiv 2503.14476; `gspo` and
 * `gspo_token` arXiv 2507.18071; `gmpo` arXiv 2507.20673; `cispo` arXiv 2506.13585; `sapo` arXiv 2511.20347; `bnpo`, `luspo` and
 * `vespo` TRL; `dppo` prime-rl; `clip_cov` and `kl_cov` arXiv 2505.22617; `simple_grpo` and `reinforce` are torchforge's SimpleGRPOLoss and ReinforceLoss.
 */
export const variants: Readonly<Record<PolicyLossName, Variant>> = {
  grpo: clipped,
  bnpo: { ...clipped, aggregation: 'localTokenMean' },
  dr_grpo: { ...clipped, aggregation: 'fixedLength' },
  dapo: { ...clipped, aggregation: 'tokenMean', bounds: { ...unbounded, epsilonHigh: 0.28 } },
  gspo: { ...clipped, level: 'sequence', bounds: { ...unbounded, epsilonLow: 3e-4, epsilonHigh: 4e-4 } },
  gspo_token: { ...clipped, level: 'sequenceToken', bounds: { ...unbounded, epsilonLow: 3e-4, epsilonHigh: 4e-4 } },
  luspo: {
    ...clipped,
    level: 'sequence',
    aggregation: 'sequenceSum',
    bounds: { ...unbounded, epsilonLow: 2e-3, epsilonHigh: 2.5e-3 },
  },
  gmpo: {
    ...clipped,
    objective: 'unclipped',
    level: 'boundedSequence',
    bounds: { ...unbounded, epsilonLow: 0.4, epsilonHigh: 0.4 },
  },
  cispo: { ...clipped, objective: 'cispo', aggregation: 'tokenMean', bounds: { ...unbounded, epsilonHigh: 5 } },
  sapo: { ...clipped, objective: 'sapo' },
  vespo: { ...clipped, objective: 'vespo', level: 'sequenceProduct', aggregation: 'tokenMean' },
  dppo: { ...clipped, objective: 'dppo', aggregation: 'tokenMean' },
  clip_cov: { ...clipped, aggregation: 'tokenMean', entropyGuard: 'clip' },
  kl_cov: { ...clipped, objective: 'unclipped', aggregation: 'tokenMean', entropyGuard: 'penalize' },
  reinforce: {
    ...clipped,
    objective: 'reinforce',
    aggregation: 'tokenMean',
    isOnPolicy: true,
    correction: { mode: 'token_truncate', min: 0.1, max: 10 },
  },
  simple_grpo: { ...clipped, isOnPolicy: true, beta: 0.1 },
};

/** Every loss, by name. */
export const policyLossNames = Object.keys(variants) as readonly PolicyLossName[]; // the keys of a closed table
