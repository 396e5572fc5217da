import { LossInputError } from '../errors.ts';
import { aggregations } from './aggregation.ts';
import { type Correction, type CorrectionName, corrections } from './correction.ts';
import { type CovarianceOptions, tokensByCovariance } from './covariance.ts';
import type { KlEstimator } from './kl.ts';
import { type KlRewardOptions, klRewards, returnsToGo } from './kl-reward.ts';
import type { BatchCounts, LossResult } from './loss.ts';
import type { Bounds } from './objectives.ts';
import { checkPolicyBatch, countTokens, type PolicyBatch } from './policy-batch.ts';
import { type PolicyMetrics, PolicyMetricsSum } from './policy-metrics.ts';
import { type PolicyLossSettings, sequenceLoss } from './sequence-loss.ts';
import { type PolicyLossName, variants } from './variants.ts';

/** Which policy loss, and its numbers. A bound that the loss does not use is not read. */
export interface PolicyLossOptions extends Partial<Bounds> {
  /** @default 'grpo' */
  readonly name?: PolicyLossName;
  /** Weight of the KL term to the reference model. @default 0; 0.1 for `simple_grpo` */
  readonly beta?: number;
  /**
   * Where the KL term goes: a term of the `loss`, with a gradient of its own, or a `reward` of each token that lowers the advantage
   * of it and of those before; see {@link klRewards}.
   * @default 'loss'
   */
  readonly klIn?: 'loss' | 'reward';
  /** @default 'k3' in the loss, 'k1' in the reward */
  readonly klEstimator?: KlEstimator;
  /** Multiplies the KL term by the policy ratio, which makes its gradient unbiased off policy. @default false */
  readonly klTimesRatio?: boolean;
  /** Importance weights for what the sampler and the trainer disagree about. @default 'off'; 0.1 to 10 for `reinforce` */
  readonly correction?: Correction | CorrectionName | 'off';
  /**
   * Leaves out sequences with a negative advantage that the sampler found likelier than the policy does by more than so many nats
   * a token: what the policy has left behind already says little about it. Source: DeepSeek-V3.2 (arXiv 2512.02556).
   * @default none
   */
  readonly offPolicyMask?: number;
  /** Which tokens `clip_cov` leaves out and `kl_cov` holds to the old policy. */
  readonly covariance?: CovarianceOptions;
  /** Divisor of `dr_grpo`, which alone needs it. */
  readonly maxCompletionLength?: number;
}

/**
 * A policy-gradient loss as a value and one weight a token, in float64.
 *
 * `L = Σ_t a_t·(w_t·p_t + beta·k_t)`, with the objective `p`, the importance weight `w`, the KL term `k` and the aggregation
 * `a` of the chosen loss. Sequences without a token count as sequences and add nothing.
 *
 * @throws {LossInputError} when the arrays do not fit, or an option needs log-probabilities that are not given.
 */
export function policyLoss(batch: PolicyBatch, options: PolicyLossOptions = {}): LossResult<PolicyMetrics> {
  const variant = variants[options.name ?? 'grpo'];
  const { klEstimator, klIn = 'loss', klTimesRatio = false, maxCompletionLength = Number.NaN, offPolicyMask } = options;
  const beta = klWeight(options);
  const correction = correctionOf(options);
  const { objective, level, aggregation } = variant;
  const bounds = mergeBounds(variant.bounds, options);
  const settings: PolicyLossSettings = {
    objective,
    level,
    bounds,
    beta: klIn === 'loss' ? beta : 0,
    klEstimator: klEstimator ?? 'k3',
    klTimesRatio,
    correction,
    offPolicyMask,
    entropyGuard: variant.entropyGuard,
    covariancePenalty: options.covariance?.penalty ?? 1,
  };
  checkPolicyBatch(batch);
  if (beta > 0) requirePresent(batch.refLogProbs, 'refLogProbs', `beta ${beta}`);
  if (beta > 0 && klIn === 'reward')
    requirePresent(batch.samplerLogProbs, 'samplerLogProbs', 'a KL term in the reward');
  if (correction) requirePresent(batch.samplerLogProbs, 'samplerLogProbs', `the correction ${correction.mode}`);
  if (offPolicyMask !== undefined) requirePresent(batch.samplerLogProbs, 'samplerLogProbs', 'offPolicyMask');
  if (aggregation === 'fixedLength' && !(maxCompletionLength > 0)) {
    throw new LossInputError('maxCompletionLength', 'dr_grpo divides by it; set it to the longest completion allowed.');
  }

  const { logProbs, samplerLogProbs, refLogProbs, masks } = batch;
  const isRewarded = klIn === 'reward' && beta > 0;
  const advantages = isRewarded ? advantagesWithKl(batch, { beta, estimator: klEstimator ?? 'k1' }) : batch.advantages;
  const oldLogProbs = variant.isOnPolicy ? logProbs : (batch.oldLogProbs ?? logProbs);
  const heldBack = batch.heldBack ?? heldBackTokens(batch, options);
  const tokenCounts = logProbs.map((_, b) => countTokens(batch, b));
  const tokens = tokenCounts.reduce((sum, count) => sum + count, 0);
  const counts: BatchCounts = batch.counts ?? { sequences: logProbs.length, tokens };
  const { localTokens = tokens } = counts;
  const sizes = {
    tokens: localTokens,
    batchTokens: counts.tokens,
    batchSequences: counts.sequences,
    maxCompletionLength,
  };
  const metrics = new PolicyMetricsSum();
  let loss = 0;
  const weights = logProbs.map((current, b) => {
    const mask = masks?.[b];
    const numTokens = tokenCounts[b]!;
    const sequence = {
      current,
      old: oldLogProbs[b]!,
      sampler: samplerLogProbs?.[b],
      reference: refLogProbs?.[b],
      advantage: advantages[b]!,
      heldBack: heldBack?.[b],
      isMasked: (t: number): boolean => mask !== undefined && mask[t] === 0,
      numTokens,
      share: aggregations[aggregation]({ ...sizes, sequenceTokens: numTokens }),
    };
    const result = sequenceLoss(sequence, settings, metrics);
    loss += result.loss;
    return result.weights;
  });
  const present = {
    kl: refLogProbs !== undefined,
    sampler: samplerLogProbs !== undefined,
    importance: correction !== undefined,
    offPolicyMask: offPolicyMask !== undefined,
  };
  return { loss, weights, metrics: metrics.mean(present) };
}

/**
 * The tokens that `clip_cov` and `kl_cov` hold back, over all of a batch, from what its sampler thought of them; `undefined` for other
 * losses.
 */
export function heldBackTokens(
  { logProbs, oldLogProbs, samplerLogProbs, ...batch }: PolicyBatch,
  { name = 'grpo', covariance = {} }: PolicyLossOptions,
): readonly Uint8Array[] | undefined {
  const { entropyGuard } = variants[name];
  if (entropyGuard === undefined) return undefined;
  return tokensByCovariance(
    { ...batch, logProbs: samplerLogProbs ?? oldLogProbs ?? logProbs },
    entropyGuard,
    covariance,
  );
}

/** The advantage of each token, with what it and those after it lose by leaving the reference model. */
function advantagesWithKl(batch: PolicyBatch, options: KlRewardOptions): readonly Float64Array[] {
  const { samplerLogProbs: logProbs = [], refLogProbs = [], masks, advantages } = batch; // both are there, as was checked
  const rewards = klRewards({ logProbs, refLogProbs, ...(masks && { masks }) }, options);
  return rewards.map((row, b) => {
    const advantage = advantages[b]!;
    return returnsToGo(row).map((toCome, t) => toCome + (typeof advantage === 'number' ? advantage : advantage[t]!));
  });
}

/** The importance weights that a loss uses. */
function correctionOf({ name = 'grpo', correction }: PolicyLossOptions): Correction | undefined {
  if (correction === 'off') return undefined;
  return typeof correction === 'string' ? corrections[correction] : (correction ?? variants[name].correction);
}

/** The weight of the KL term to the reference model, wherever it goes. */
const klWeight = ({ name = 'grpo', beta = variants[name].beta }: PolicyLossOptions): number => beta;

/** Whether tokens move also where the advantage is 0: by a KL term, or one that the loss has of its own. */
export function movesWithoutAdvantage(options: PolicyLossOptions): boolean {
  const { objective, entropyGuard } = variants[options.name ?? 'grpo'];
  return klWeight(options) > 0 || objective === 'dppo' || entropyGuard === 'penalize';
}

function mergeBounds(defaults: Bounds, options: Partial<Bounds>): Bounds {
  return {
    epsilonLow: options.epsilonLow ?? defaults.epsilonLow,
    epsilonHigh: options.epsilonHigh ?? defaults.epsilonHigh,
    delta: options.delta ?? defaults.delta,
    dualClip: options.dualClip ?? defaults.dualClip,
    tauPositive: options.tauPositive ?? defaults.tauPositive,
    tauNegative: options.tauNegative ?? defaults.tauNegative,
  };
}

function requirePresent(rows: unknown, field: string, reason: string): void {
  if (rows === undefined) throw new LossInputError(field, `they are missing, and ${reason} needs them.`);
}
