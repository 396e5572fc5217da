import { type Correction, importanceWeights } from './correction.ts';
import { type KlEstimator, klEstimators, limitLogRatio, logRatioLimit } from './kl.ts';
import type { Floats } from './loss.ts';
import { type Bounds, objectives } from './objectives.ts';
import type { PolicyMetricsSum } from './policy-metrics.ts';
import type { Variant } from './variants.ts';

/** One sequence of a policy batch. */
export interface PolicySequence {
  readonly current: Floats;
  readonly old: Floats;
  readonly sampler: Floats | undefined;
  readonly reference: Floats | undefined;
  readonly advantage: number | Floats;
  readonly isMasked: (token: number) => boolean;
  /** Tokens that are not masked out. */
  readonly numTokens: number;
  /** Weight of each token in the sum over the batch. */
  readonly share: number;
}

/** A loss with every default filled in. */
export interface PolicyLossSettings extends Pick<Variant, 'objective' | 'level'> {
  readonly bounds: Bounds;
  readonly beta: number;
  readonly klEstimator: KlEstimator;
  readonly klTimesRatio: boolean;
  readonly correction: Correction | undefined;
}

const noKl = { value: 0, slope: 0 };

/** Adds the loss of one sequence to `metrics` and returns it with its derivative by each log-probability. */
export function sequenceLoss(
  sequence: PolicySequence,
  settings: PolicyLossSettings,
  metrics: PolicyMetricsSum,
): { readonly loss: number; readonly weights: Float64Array } {
  const { current, old, sampler, reference, advantage, isMasked, numTokens, share } = sequence;
  const { bounds, beta, klTimesRatio, correction, level } = settings;
  const objective = objectives[settings.objective];
  const klTerm = klEstimators[settings.klEstimator];
  const hasSequenceRatio = level !== 'token';
  const sequenceLogRatio = hasSequenceRatio ? sumOfDifferences(sequence) / Math.max(1, numTokens) : 0;
  const importance =
    correction &&
    sampler &&
    importanceWeights(
      Float64Array.from(old, (o, t) => o - sampler[t]!),
      isMasked,
      correction,
    );
  const weights = new Float64Array(current.length);
  let loss = 0;
  let slopeOfSequenceRatio = 0;
  let isLow = false;
  let isHigh = false;

  for (let t = 0; t < current.length; t++) {
    if (isMasked(t)) continue;
    const logProb = current[t]!;
    const logRatio = hasSequenceRatio ? sequenceLogRatio : logProb - old[t]!;
    const ratio = Math.exp(limitLogRatio(logRatio));
    const ratioMoves = Math.abs(logRatio) <= logRatioLimit ? 1 : 0;
    const term = objective(
      { logProb, ratio, advantage: typeof advantage === 'number' ? advantage : advantage[t]! },
      bounds,
    );
    const kl = reference === undefined ? noKl : klTerm(logProb - reference[t]!);
    const klFactor = klTimesRatio ? ratio : 1;
    const trust = importance?.[t] ?? 1;

    loss += share * (trust * term.value + beta * kl.value * klFactor);
    const throughRatio = share * ratioMoves * (trust * term.slope + (klTimesRatio ? beta * kl.value * ratio : 0));
    weights[t] = share * beta * kl.slope * klFactor;
    if (level === 'sequence') slopeOfSequenceRatio += throughRatio;
    else weights[t]! += throughRatio;

    isLow ||= term.isLow;
    isHigh ||= term.isHigh;
    if (!hasSequenceRatio) metrics.addClip(term.isLow, term.isHigh);
    const samplerDifference = sampler === undefined ? 0 : Math.abs(logProb - sampler[t]!);
    metrics.addToken({ ratio, logRatio, kl: kl.value * klFactor, samplerDifference, importance: trust });
  }
  if (hasSequenceRatio) metrics.addClip(isLow, isHigh);
  if (level === 'sequence') {
    for (let t = 0; t < weights.length; t++) if (!isMasked(t)) weights[t]! += slopeOfSequenceRatio / numTokens;
  }
  return { loss, weights };
}

function sumOfDifferences({ current, old, isMasked }: PolicySequence): number {
  let sum = 0;
  for (let t = 0; t < current.length; t++) if (!isMasked(t)) sum += current[t]! - old[t]!;
  return sum;
}
