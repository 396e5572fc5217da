import type { ValueAndSlope } from './kl.ts';

/** Bounds of the policy ratio; which of them an objective reads is said there. */
export interface Bounds {
  readonly epsilonLow: number;
  readonly epsilonHigh: number;
  readonly delta: number;
  readonly dualClip: number;
  readonly tauPositive: number;
  readonly tauNegative: number;
}

/** One token as an objective sees it. */
export interface Token {
  readonly logProb: number;
  /** Policy over old policy, of the token or of its sequence. */
  readonly ratio: number;
  readonly advantage: number;
}

export interface ObjectiveTerm extends ValueAndSlope {
  /** The lower bound stopped a token with a negative advantage. */
  readonly isLow: boolean;
  /** The upper bound stopped a token with a positive advantage. */
  readonly isHigh: boolean;
}

export type ObjectiveName = 'clip' | 'unclipped' | 'cispo' | 'sapo' | 'vespo' | 'dppo' | 'reinforce';

/** How `vespo` weighs a sequence whose ratio is `w`: `φ(w) = e^λ·w^k·e^(−λ·w)`, which is 1 at 1. */
const vespoShapes = { positive: { k: 2, lambda: 3 }, negative: { k: 3, lambda: 2 } };
/** Weight of the squared log ratio in `dppo`. */
const DPPO_TAU = 1e-3;

/**
 * The loss `p` of one token and its slope, with the ratio `r`, the advantage `A` and the log-probability `l`:
 *
 * - `clip`: `p = −min(min(r, δ)·A, clip(r, 1 − ε_low, 1 + ε_high)·A)`, and for `A < 0` at most `−c·A` with the dual clip `c`
 * - `unclipped`: `p = −r·A`
 * - `cispo`: `p = −min(r, ε_high)·A·l`
 * - `sapo`: `p = −(4/τ)·σ(τ·(r − 1))·A`, with a `τ` for either sign of `A`
 * - `vespo`: `p = −φ(r)·A·l`, with `φ(r) = e^λ·r^k·e^(−λ·r)` and a `k` and `λ` for either sign of `A`
 * - `dppo`: `p = −r·A + 0.001·(log r)²`, without the first term where the probability has risen by more than `ε_high` and `A > 0`,
 *   or fallen by more than `ε_low` and `A ≤ 0`
 * - `reinforce`: `p = −A·l`
 *
 * `cispo`, `vespo` and `reinforce` hold the ratio constant and differentiate the log-probability; for the others the slope is with
 * respect to the log of the ratio. For one token that is the same thing.
 *
 * Sources: `clip` PPO (arXiv 1707.06347, eq. 7) with DAPO's two epsilons (arXiv 2503.14476), dual clip (arXiv 1912.09729) and
 * the upper bound `delta` of TRL; `cispo` MiniMax-M1 (arXiv 2506.13585, eq. 4); `sapo` arXiv 2511.20347; `vespo` TRL
 * `get_gamma_weights`; `dppo` prime-rl's default loss.
 */
export const objectives: Readonly<Record<ObjectiveName, (token: Token, bounds: Bounds) => ObjectiveTerm>> = {
  clip: ({ ratio, advantage }, { epsilonLow, epsilonHigh, delta, dualClip }) => {
    const capped = Math.min(ratio, delta);
    const clipped = Math.min(1 + epsilonHigh, Math.max(1 - epsilonLow, ratio));
    const isFree = capped * advantage <= clipped * advantage;
    const value = -(isFree ? capped : clipped) * advantage;
    const isLow = capped < 1 - epsilonLow && advantage < 0;
    const isHigh = capped > 1 + epsilonHigh && advantage > 0;
    if (advantage < 0 && value > -dualClip * advantage)
      return { value: -dualClip * advantage, slope: 0, isLow, isHigh };
    const moves = (isFree ? capped : clipped) === ratio;
    return { value, slope: moves ? -ratio * advantage : 0, isLow, isHigh };
  },
  unclipped: ({ ratio, advantage }) => {
    const value = -ratio * advantage;
    return { value, slope: value, isLow: false, isHigh: false };
  },
  cispo: ({ logProb, ratio, advantage }, { epsilonHigh }) => {
    const slope = -Math.min(ratio, epsilonHigh) * advantage;
    return { value: slope * logProb, slope, isLow: false, isHigh: ratio > epsilonHigh && advantage > 0 };
  },
  sapo: ({ ratio, advantage }, { tauPositive, tauNegative }) => {
    const tau = advantage > 0 ? tauPositive : tauNegative;
    const gate = 1 / (1 + Math.exp(-tau * (ratio - 1)));
    const slope = -4 * gate * (1 - gate) * ratio * advantage;
    return { value: (-4 / tau) * gate * advantage, slope, isLow: false, isHigh: false };
  },
  vespo: ({ logProb, ratio, advantage }) => {
    const { k, lambda } = advantage >= 0 ? vespoShapes.positive : vespoShapes.negative;
    const slope = -Math.exp(lambda + k * Math.log(ratio) - lambda * ratio) * advantage;
    return { value: slope * logProb, slope, isLow: false, isHigh: false };
  },
  dppo: ({ logProb, ratio, advantage }, { epsilonLow, epsilonHigh }) => {
    const rise = Math.exp(logProb) * (1 - 1 / ratio);
    const isLow = advantage <= 0 && rise < -epsilonLow;
    const isHigh = advantage > 0 && rise > epsilonHigh;
    const gain = isLow || isHigh ? 0 : ratio * advantage;
    const logRatio = Math.log(ratio);
    return { value: DPPO_TAU * logRatio ** 2 - gain, slope: 2 * DPPO_TAU * logRatio - gain, isLow, isHigh };
  },
  reinforce: ({ logProb, advantage }) => ({
    value: -advantage * logProb,
    slope: -advantage,
    isLow: false,
    isHigh: false,
  }),
};
