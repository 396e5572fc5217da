import { type Correction, importanceWeights } from './correction.ts';
import { type KlEstimator, klEstimators, limitLogRatio, logRatioLimit } from './kl.ts';
import type { Floats } from './loss.ts';
import { type Bounds, type ObjectiveTerm, objectives } from './objectives.ts';
import type { PolicyMetricsSum } from './policy-metrics.ts';
import { boundedLogRatios, sequenceRatios } from './ratio.ts';
import type { Variant } from './variants.ts';

/** One sequence of a policy batch. */
export interface PolicySequence {
  readonly current: Floats;
  readonly old: Floats;
  readonly sampler: Floats | undefined;
  readonly reference: Floats | undefined;
  readonly advantage: number | Floats;
  /** 1 at tokens that the entropy guard holds back. */
  readonly heldBack: ArrayLike<number> | undefined;
  readonly isMasked: (token: number) => boolean;
  /** Tokens that are not masked out. */
  readonly numTokens: number;
  /** Weight of each token in the sum over the batch. */
  readonly share: number;
}

/** A loss with every default filled in. */
export interface PolicyLossSettings extends Pick<Variant, 'objective' | 'level' | 'entropyGuard'> {
  readonly bounds: Bounds;
  readonly beta: number;
  readonly klEstimator: KlEstimator;
  readonly klTimesRatio: boolean;
  readonly correction: Correction | undefined;
  readonly offPolicyMask: number | undefined;
  /** Nats from the old policy cost so much, at tokens that are penalized. */
  readonly covariancePenalty: number;
}

const noKl = { value: 0, slope: 0 };

/** Adds the loss of one sequence to `metrics` and returns it with its derivative by each log-probability. */
export function sequenceLoss(
  sequence: PolicySequence,
  settings: PolicyLossSettings,
  metrics: PolicyMetricsSum,
): { readonly loss: number; readonly weights: Float64Array } {
  const { current, old, sampler, reference, advantage, isMasked, numTokens, share, heldBack } = sequence;
  const { bounds, beta, klTimesRatio, level } = settings;
  const objective = objectives[settings.objective];
  const klTerm = klEstimators[settings.klEstimator];
  const advantageAt = (t: number): number => (typeof advantage === 'number' ? advantage : advantage[t]!);
  const ownLogRatios = Float64Array.from(current, (logProb, t) => (isMasked(t) ? 0 : logProb - old[t]!));
  const logRatios = level === 'boundedSequence' ? boundedLogRatios(ownLogRatios, advantage, bounds) : ownLogRatios;
  const ofSequence = level === 'token' ? undefined : sequenceRatios[level];
  const sequenceLogRatio = ofSequence?.of(
    logRatios.reduce((sum, logRatio) => sum + logRatio, 0),
    numTokens,
  );
  const trusts = trustsOf(sequence, settings);
  const weights = new Float64Array(current.length);
  let loss = 0;
  let slopeOfSequenceRatio = 0;
  let isLow = false;
  let isHigh = false;

  for (let t = 0; t < current.length; t++) {
    if (isMasked(t)) continue;
    const logProb = current[t]!;
    const logRatio = sequenceLogRatio ?? logRatios[t]!;
    const ratio = Math.exp(limitLogRatio(logRatio));
    const ratioMoves = Math.abs(logRatio) <= logRatioLimit ? 1 : 0;
    const free = objective({ logProb, ratio, advantage: advantageAt(t) }, bounds);
    const term = heldBack?.[t] === 1 ? guarded(free, logRatio, settings) : free;
    const kl = reference === undefined ? noKl : klTerm(logProb - reference[t]!);
    const klFactor = klTimesRatio ? ratio : 1;
    const trust = trusts?.[t] ?? 1;

    loss += share * (trust * term.value + beta * kl.value * klFactor);
    const throughRatio = share * ratioMoves * (trust * term.slope + (klTimesRatio ? beta * kl.value * ratio : 0));
    weights[t] = share * beta * kl.slope * klFactor;
    if (ofSequence?.isShared) slopeOfSequenceRatio += throughRatio;
    else weights[t]! += throughRatio;

    isLow ||= term.isLow || logRatios[t]! > ownLogRatios[t]!;
    isHigh ||= term.isHigh || logRatios[t]! < ownLogRatios[t]!;
    if (ofSequence === undefined) metrics.addClip(term.isLow, term.isHigh);
    const samplerDifference = sampler === undefined ? 0 : Math.abs(logProb - sampler[t]!);
    metrics.addToken({ ratio, logRatio, kl: kl.value * klFactor, samplerDifference, trust });
  }
  if (ofSequence !== undefined) metrics.addClip(isLow, isHigh);
  if (ofSequence?.isShared) {
    for (let t = 0; t < weights.length; t++) {
      const moves = !isMasked(t) && logRatios[t] === ownLogRatios[t];
      if (moves) weights[t]! += slopeOfSequenceRatio / numTokens;
    }
  }
  return { loss, weights };
}

/** The term of a token that is held back: left out, or held to the old policy. */
function guarded(
  term: ObjectiveTerm,
  logRatio: number,
  { entropyGuard, covariancePenalty }: PolicyLossSettings,
): ObjectiveTerm {
  if (entropyGuard === 'clip') return { ...term, value: 0, slope: 0 };
  const [value, slope] = [
    term.value + covariancePenalty * Math.abs(logRatio),
    term.slope + covariancePenalty * Math.sign(logRatio),
  ];
  return { ...term, value, slope };
}

/** How much of the objective of each token counts, for what the sampler did differently; `undefined` where all of it does. */
function trustsOf(
  { current, old, sampler, advantage, isMasked, numTokens }: PolicySequence,
  { correction, offPolicyMask }: PolicyLossSettings,
): Float64Array | undefined {
  if (sampler === undefined || (correction === undefined && offPolicyMask === undefined)) return undefined;
  const isOff = (t: number): boolean => (typeof advantage === 'number' ? advantage : advantage[t]!) < 0;
  let drift = 0;
  for (let t = 0; t < current.length; t++) if (!isMasked(t)) drift += sampler[t]! - current[t]!;
  const isDrifted = drift / Math.max(1, numTokens) > (offPolicyMask ?? Number.POSITIVE_INFINITY);
  const weights =
    correction === undefined
      ? new Float64Array(current.length).fill(1)
      : importanceWeights(
          Float64Array.from(old, (o, t) => o - sampler[t]!),
          isMasked,
          correction,
        );
  return isDrifted ? weights.map((weight, t) => (isOff(t) ? 0 : weight)) : weights;
}
