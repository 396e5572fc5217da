import type { Floats } from './loss.ts';
import type { Bounds } from './objectives.ts';

/**
 * Whose ratio a token sees:
 *
 * - `token`: its own.
 * - `sequence`: the geometric mean over the tokens, one gradient shared by all of them (GSPO).
 * - `sequenceToken`: the same, with each token's own advantage in its own gradient (GSPO-token).
 * - `boundedSequence`: the geometric mean of ratios that are bounded one by one, in logarithms: by `epsilonHigh` above where the
 *   advantage is positive, by `−epsilonLow` below where it is negative. Bounded ones have no gradient (GMPO).
 * - `sequenceProduct`: the ratio of the whole sequence, which carries no gradient (VESPO).
 */
export type RatioLevel = 'token' | 'sequence' | 'sequenceToken' | 'boundedSequence' | 'sequenceProduct';

/** What a sequence of log ratios, 0 where masked out, comes to. */
interface SequenceRatio {
  readonly of: (sum: number, numTokens: number) => number;
  /** The gradient of the ratio goes to all tokens alike, instead of that of each token to itself. */
  readonly isShared: boolean;
}

const mean = (sum: number, numTokens: number): number => sum / Math.max(1, numTokens);

/** Of every level but `token`. */
export const sequenceRatios: Readonly<Record<Exclude<RatioLevel, 'token'>, SequenceRatio>> = {
  sequence: { of: mean, isShared: true },
  sequenceToken: { of: mean, isShared: false },
  boundedSequence: { of: mean, isShared: true },
  sequenceProduct: { of: (sum) => sum, isShared: false },
};

/** Log ratios as `boundedSequence` takes them. */
export function boundedLogRatios(
  logRatios: Floats,
  advantage: number | Floats,
  { epsilonLow, epsilonHigh }: Pick<Bounds, 'epsilonLow' | 'epsilonHigh'>,
): Float64Array {
  return Float64Array.from(logRatios, (logRatio, t) => {
    const sign = typeof advantage === 'number' ? advantage : advantage[t]!;
    if (sign > 0) return Math.min(logRatio, epsilonHigh);
    return sign < 0 ? Math.max(logRatio, -epsilonLow) : logRatio;
  });
}
