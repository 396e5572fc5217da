import type { Weights } from '@forge/models';
import { checkStepOptions } from './check-options.ts';
import { LossInputError, NonFiniteLossError } from './errors.ts';
import type { Floats, LossResult } from './losses/loss.ts';
import { klWeight, type PolicyLossOptions, policyLoss } from './losses/policy.ts';
import { checkPolicyBatch } from './losses/policy-batch.ts';
import { sftLoss } from './losses/sft.ts';
import { allocateScores, type Scores } from './scores.ts';
import type { Sequence } from './sequence.ts';
import type { Training } from './training.ts';
import type { ForwardOptions } from './training-options.ts';

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
  /** Of the reference model; needed when `beta` is above 0, and otherwise for the metric `kl`. */
  readonly refLogProbs?: readonly Floats[];
  /** 0 where a token takes no part, such as the output of a tool. @default every token does */
  readonly masks?: readonly ArrayLike<number>[];
}

export interface StepLossOptions extends PolicyLossOptions {
  /**
   * The policy that the ratio is taken to: the one that sampled, or the one at the start of the step, which makes every ratio 1.
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

/**
 * One optimiser step on a batch, whatever the number of micro-batches: the loss is normalised over the whole batch first.
 *
 * @throws {TrainerOptionError} when an option is outside its range.
 * @throws {BatchError} {LossInputError} when the batch does not fit the model or itself.
 * @throws {NonFiniteLossError} {NonFiniteGradientError} when the numbers break down. In every case the weights, the moments
 * and the schedule are as they were.
 */
export async function trainStep(
  training: Training,
  { inputs, targets }: { readonly inputs: readonly Sequence[]; readonly targets: Targets },
  options: StepOptions = {},
): Promise<StepResult> {
  checkStepOptions(options);
  checkTargets(inputs, targets);
  training.zeroGradients();
  const { scores, result } =
    targets.loss === 'sft'
      ? await backwardSft(training, inputs, targets)
      : await backwardPolicy(training, { inputs, targets }, options);
  if (!Number.isFinite(result.loss)) {
    training.zeroGradients();
    const from = firstNonFinite(targets, scores) ?? firstNonFiniteWeight(training.weights);
    throw new NonFiniteLossError({ loss: result.loss, step: training.steps + 1, sequences: inputs.length, from });
  }
  const learningRate = targets.loss === 'sft' ? targets.learningRate : undefined;
  const tokens = inputs.reduce((sum, { tokenIds }, b) => sum + countOnes(tokenIds.length, targets.masks?.[b]), 0);
  const step = training.optimizerStep({ learningRate });
  const metrics = { ...result.metrics, entropy: maskedMean(scores.entropy, targets.masks) };
  return { loss: result.loss, ...step, tokens, step: training.steps, metrics };
}

interface Backward {
  readonly scores: Scores;
  readonly result: LossResult<object>;
}

/** The weights do not depend on the log-probabilities, so one pass is enough. */
async function backwardSft(training: Training, inputs: readonly Sequence[], { masks }: SftTargets): Promise<Backward> {
  const unscored = inputs.map(({ tokenIds }) => new Float32Array(tokenIds.length));
  const scores = await training.forwardBackward(
    inputs,
    sftLoss({ logProbs: unscored, ...(masks && { masks }) }).weights,
    { masks },
  );
  return { scores, result: sftLoss({ logProbs: scores.logProbs, ...(masks && { masks }) }) };
}

/**
 * Scores the batch, and runs backward micro-batch by micro-batch with the weights that the loss has there. What cannot move
 * the policy is only scored.
 */
async function backwardPolicy(
  training: Training,
  { inputs, targets }: { readonly inputs: readonly Sequence[]; readonly targets: GrpoTargets },
  { loss: lossOptions = {}, temperature = 1 }: StepOptions,
): Promise<Backward> {
  const { oldPolicy = lossOptions.correction === undefined ? 'sampler' : 'current' } = lossOptions;
  const all = inputs.map((_, b) => b);
  const tokens = inputs.reduce((sum, { tokenIds }, b) => sum + countOnes(tokenIds.length, targets.masks?.[b]), 0);
  const counts = { sequences: inputs.length, tokens, localTokens: tokens };
  const lossOf = (places: readonly number[], logProbs: readonly Floats[]): LossResult<object> => {
    const { loss: _, ...given } = selectTargets(targets, places);
    const old = oldPolicy === 'sampler' && { oldLogProbs: given.samplerLogProbs };
    return policyLoss({ ...given, logProbs, ...old, counts }, lossOptions);
  };
  const { entropyBonus } = training;
  const entropyWeight = -entropyBonus / Math.max(1, tokens);
  const isStill = (b: number): boolean =>
    klWeight(lossOptions) === 0 && entropyBonus === 0 && isZero(targets.advantages[b]!);
  const scores = allocateScores(inputs);
  const collect = (places: readonly number[], part: Scores): void => {
    for (const [i, b] of places.entries()) {
      scores.logProbs[b]!.set(part.logProbs[i]!);
      scores.entropy[b]!.set(part.entropy[i]!);
    }
  };
  const run = async (
    places: readonly number[],
    pass: (some: readonly Sequence[], options: ForwardOptions) => Promise<Scores>,
  ) => {
    if (places.every((b) => inputs[b]!.tokenIds.length === 0)) return;
    const masks = targets.masks && pick(targets.masks, places);
    collect(places, await pass(pick(inputs, places), { temperature, masks }));
  };
  const moving = all.filter((b) => !isStill(b));
  await run(moving, (some, options) =>
    training.forwardBackward(
      some,
      (places, { logProbs }) => lossOf(pick(moving, places), pick(logProbs, places)).weights,
      { ...options, entropyWeight },
    ),
  );
  await run(all.filter(isStill), (some, options) => training.forward(some, options));
  const result = lossOf(all, scores.logProbs);
  if (entropyBonus === 0) return { scores, result };
  return {
    scores,
    result: { ...result, loss: result.loss - entropyBonus * maskedMean(scores.entropy, targets.masks) },
  };
}

const pick = <Item>(items: readonly Item[], places: readonly number[]): Item[] => places.map((place) => items[place]!);

/** The targets of some sequences. */
function selectTargets({ masks, refLogProbs, ...targets }: GrpoTargets, places: readonly number[]): GrpoTargets {
  return {
    ...targets,
    advantages: pick(targets.advantages, places),
    samplerLogProbs: pick(targets.samplerLogProbs, places),
    ...(refLogProbs && { refLogProbs: pick(refLogProbs, places) }),
    ...(masks && { masks: pick(masks, places) }),
  };
}

const isZero = (advantage: number | Floats): boolean =>
  typeof advantage === 'number' ? advantage === 0 : Array.from(advantage).every((one) => one === 0);

function checkTargets(inputs: readonly Sequence[], targets: Targets): void {
  const { loss, masks } = targets;
  const logProbs = inputs.map(({ tokenIds }) => tokenIds);
  checkPolicyBatch({ logProbs, ...(loss === 'grpo' ? targets : { advantages: logProbs, ...(masks && { masks }) }) });
  if (loss === 'grpo') {
    for (const [b, advantage] of targets.advantages.entries()) {
      const isUsable =
        typeof advantage === 'number' ? Number.isFinite(advantage) : Array.from(advantage).every(Number.isFinite);
      if (!isUsable) throw new LossInputError('advantages', `sequence ${b} has ${String(advantage)}.`);
    }
  }
}

const noTargets: Partial<GrpoTargets> = {};

/** The first number that is not finite among what a loss is made of, what the policy computed last. */
function firstNonFinite(targets: Targets, { logProbs }: Scores): string | undefined {
  const { advantages, samplerLogProbs, refLogProbs } = targets.loss === 'grpo' ? targets : noTargets;
  for (const [name, each] of Object.entries({ advantages, samplerLogProbs, refLogProbs, logProbs })) {
    for (const [b, row] of (each ?? []).entries()) {
      const numbers = typeof row === 'number' ? [row] : Array.from(row);
      const t = numbers.findIndex((number) => !Number.isFinite(number));
      if (t !== -1 && name !== 'logProbs') return `${name} of sequence ${b}, token ${t}, is ${numbers[t]}`;
      if (t !== -1) return undefined; // made by the weights
    }
  }
  return undefined;
}

function firstNonFiniteWeight(weights: Weights): string | undefined {
  const broken = Object.entries(weights).find(([, { data }]) => !data.every(Number.isFinite));
  return broken && `the weight ${broken[0]} has numbers that are not finite`;
}

const countOnes = (length: number, mask: ArrayLike<number> | undefined): number =>
  mask === undefined ? length : Array.from(mask).filter((one) => one !== 0).length;

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
