import { LossInputError } from './errors.ts';
import type { Floats, LossResult } from './losses/loss.ts';
import { heldBackTokens, type PolicyLossOptions, policyLoss } from './losses/policy.ts';
import { checkPolicyBatch } from './losses/policy-batch.ts';
import { sftLoss } from './losses/sft.ts';
import type { Scores } from './packing/scores.ts';
import type { Sequence } from './packing/sequence.ts';

/** The batch of one step. */
export interface StepBatch {
  readonly inputs: readonly Sequence[];
  readonly targets: Targets;
}

/** What each sequence is to be trained towards; entry `b` of an array belongs to sequence `b`. */
export type Targets = SftTargets | GrpoTargets;

/** Imitate every token. */
export interface SftTargets {
  readonly loss: 'sft';
  /** 0 where a token is not to be learned. @default every token is */
  readonly masks?: readonly ArrayLike<number>[];
  /** Instead of the one of the schedule. */
  readonly learningRate?: number;
}

/** Make tokens with a positive advantage likelier and the others less likely; which policy loss is an option of the trainer. */
export interface GrpoTargets {
  readonly loss: 'grpo';
  /** One a sequence, or one a token. */
  readonly advantages: readonly (number | Floats)[];
  /** As the generator recorded them. */
  readonly samplerLogProbs: readonly Floats[];
  /** Of the policy that the ratio is taken to. @default as the option `oldPolicy` says */
  readonly oldLogProbs?: readonly Floats[];
  /** Of the reference model; needed when `beta` is above 0, and otherwise for the metric `kl`. */
  readonly refLogProbs?: readonly Floats[];
  /** 0 where a token takes no part, such as the output of a tool. @default every token does */
  readonly masks?: readonly ArrayLike<number>[];
  /** Weight of the KL term in this batch, instead of that of the options. */
  readonly beta?: number;
}

export interface StepLossOptions extends PolicyLossOptions {
  /**
   * The policy that the ratio is taken to: the one that sampled, or the one at the start of the step, which makes every ratio 1
   * until the next step on the same batch (decoupled PPO, arXiv 2505.24298).
   * @default 'current' with a correction, which covers what the sampler did differently, and 'sampler' without
   */
  readonly oldPolicy?: 'sampler' | 'current';
}

/** How a step computes; the loss options are read by `grpo` targets. */
export interface StepOptions {
  readonly loss?: StepLossOptions;
  /** That of the sampler, for `grpo` targets. @default 1 */
  readonly temperature?: number;
}

export interface StepResult {
  readonly loss: number;
  /** Norm of all gradients together, before they were clipped. */
  readonly gradNorm: number;
  readonly learningRate: number;
  /** Tokens that took part in the loss. */
  readonly tokens: number;
  /** Optimiser steps taken, this one included. */
  readonly step: number;
  /** `entropy`, and those of the loss; see {@link PolicyMetrics}. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** @throws {LossInputError} when the targets do not fit the sequences, or an advantage is no number. */
export function checkTargets({ inputs, targets }: StepBatch): void {
  const { loss, masks } = targets;
  const logProbs = inputs.map(({ tokenIds }) => tokenIds);
  checkPolicyBatch({ logProbs, ...(loss === 'grpo' ? targets : { advantages: logProbs, ...(masks && { masks }) }) });
  if (loss !== 'grpo') return;
  for (const [b, advantage] of targets.advantages.entries()) {
    const isUsable =
      typeof advantage === 'number' ? Number.isFinite(advantage) : Array.from(advantage).every(Number.isFinite);
    if (!isUsable) throw new LossInputError('advantages', `sequence ${b} has ${String(advantage)}.`);
  }
}

/**
 * Checks that the loss of a batch can be computed, whatever the log-probabilities will be.
 *
 * @throws {LossInputError} when the targets do not fit the sequences or the options.
 */
export function checkLoss(batch: StepBatch, options: StepOptions): void {
  checkTargets(batch);
  const logProbs = batch.inputs.map(({ tokenIds }) => new Float32Array(tokenIds.length));
  lossOf(batch, { places: [...logProbs.keys()], logProbs }, options);
}

/** Tokens of the whole batch that take part in the loss. */
export const countTokens = ({ inputs, targets: { masks } }: StepBatch): number =>
  inputs.reduce((sum, { tokenIds }, b) => {
    const mask = masks?.[b];
    return sum + (mask === undefined ? tokenIds.length : Array.from(mask).filter((one) => one !== 0).length);
  }, 0);

/**
 * The loss of some sequences of a batch, normalised over the whole of it.
 *
 * @param places - of the sequences in the batch.
 * @param logProbs - of their tokens.
 */
export function lossOf(
  batch: StepBatch,
  { places, logProbs }: { readonly places: readonly number[]; readonly logProbs: readonly Floats[] },
  options: StepOptions,
): LossResult<object> {
  const { targets, inputs } = batch;
  const tokens = countTokens(batch);
  const counts = { sequences: inputs.length, tokens, localTokens: tokens };
  const masks = targets.masks && { masks: pick(targets.masks, places) };
  if (targets.loss === 'sft') return sftLoss({ logProbs, counts, ...masks });
  const loss = lossOptionsOf(targets, options);
  const samplerLogProbs = pick(targets.samplerLogProbs, places);
  const oldLogProbs =
    targets.oldLogProbs === undefined
      ? oldPolicyOf(loss) === 'sampler' && samplerLogProbs
      : pick(targets.oldLogProbs, places);
  const { advantages, samplerLogProbs: ofAll } = targets;
  const heldBack = heldBackTokens(
    { logProbs: ofAll, advantages, ...(targets.masks && { masks: targets.masks }) },
    loss,
  );
  return policyLoss(
    {
      logProbs,
      counts,
      samplerLogProbs,
      advantages: pick(targets.advantages, places),
      ...(heldBack && { heldBack: pick(heldBack, places) }),
      ...(oldLogProbs && { oldLogProbs }),
      ...(targets.refLogProbs && { refLogProbs: pick(targets.refLogProbs, places) }),
      ...masks,
    },
    loss,
  );
}

/** The options of the loss of a batch. */
export const lossOptionsOf = ({ beta }: Pick<GrpoTargets, 'beta'>, { loss = {} }: StepOptions): StepLossOptions =>
  beta === undefined ? loss : { ...loss, beta };

/** The policy that the ratio is taken to. */
export const oldPolicyOf = (loss: StepLossOptions): 'sampler' | 'current' =>
  loss.oldPolicy ?? (isCorrected(loss) ? 'current' : 'sampler');

/** A correction that was asked for; that of `reinforce` by itself covers a ratio that it does not have. */
const isCorrected = ({ correction = 'off' }: StepLossOptions): boolean => correction !== 'off';

/** Loss and metrics of the whole batch. */
export function scoredLoss(
  batch: StepBatch,
  { logProbs, entropy }: Scores,
  { entropyBonus = 0, ...options }: StepOptions & { readonly entropyBonus?: number },
): Pick<StepResult, 'loss' | 'metrics' | 'tokens'> {
  const { loss, metrics } = lossOf(batch, { places: batch.inputs.map((_, b) => b), logProbs }, options);
  const mean = maskedMean(entropy, batch.targets.masks);
  const bonus = batch.targets.loss === 'sft' ? 0 : entropyBonus * mean;
  return { loss: loss - bonus, metrics: { ...metrics, entropy: mean }, tokens: countTokens(batch) };
}

/** The items at some places. */
export const pick = <Item>(items: readonly Item[], places: readonly number[]): Item[] =>
  places.map((place) => items[place]!); // the caller's places are those of items

const noTargets: Partial<GrpoTargets> = {};

/** The first number given by the caller that is not finite, and where it is. */
export function firstNonFinite(targets: Targets): string | undefined {
  const { advantages, samplerLogProbs, refLogProbs } = targets.loss === 'grpo' ? targets : noTargets;
  for (const [name, rows] of Object.entries({ advantages, samplerLogProbs, refLogProbs })) {
    for (const [b, row] of (rows ?? []).entries()) {
      const numbers = typeof row === 'number' ? [row] : Array.from(row);
      const t = numbers.findIndex((number) => !Number.isFinite(number));
      if (t !== -1) return `${name} of sequence ${b}, token ${t}, is ${numbers[t]}`;
    }
  }
  return undefined;
}

function maskedMean(rows: readonly Float32Array[], masks: readonly ArrayLike<number>[] | undefined): number {
  let sum = 0;
  let count = 0;
  for (const [b, row] of rows.entries()) {
    for (let t = 0; t < row.length; t++) {
      if (masks?.[b]?.[t] === 0) continue;
      sum += row[t]!;
      count++;
    }
  }
  return sum / Math.max(1, count);
}
