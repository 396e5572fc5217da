/** A number and its derivative with respect to the log-probability of the token. */
export interface ValueAndSlope {
  readonly value: number;
  readonly slope: number;
}

export type KlEstimator = 'k1' | 'k2' | 'k3';

/** Log ratios are kept within ±20: `exp` of more would drown every other token of the batch. Source: torchforge, verl. */
export const logRatioLimit = 20;

/** `x` within ±{@link logRatioLimit}. */
export const limitLogRatio = (x: number): number => Math.min(logRatioLimit, Math.max(-logRatioLimit, x));

/**
 * Per-token estimators of KL(policy ‖ reference), each a function of `d = logProb − refLogProb`.
 * `k1 = d` is unbiased and noisy, `k2 = d²/2` biased and smooth, `k3 = exp(−d) + d − 1` unbiased, smooth and never negative.
 *
 * Source: J. Schulman, "Approximating KL divergence" (2020); GRPO uses `k3` (arXiv 2402.03300, eq. 4).
 */
export const klEstimators: Readonly<Record<KlEstimator, (d: number) => ValueAndSlope>> = {
  k1: (d) => ({ value: d, slope: 1 }),
  k2: (d) => ({ value: (d * d) / 2, slope: d }),
  k3: (d) => {
    const limited = limitLogRatio(-d);
    // expm1 keeps the digits that exp(x) - x - 1 loses near 0, where almost every token is.
    return { value: Math.expm1(limited) - limited, slope: limited === -d ? -Math.expm1(limited) : 0 };
  },
};
