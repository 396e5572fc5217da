import { checkStepOptions } from './check-options.ts';
import { NotConfiguredError, TrainerOptionError } from './errors.ts';
import type { Floats } from './losses/loss.ts';
import { checkSequences } from './packing/sequence.ts';
import {
  checkTargets,
  type GrpoTargets,
  oldPolicyOf,
  pick,
  type StepBatch,
  type StepOptions,
  type StepResult,
} from './step-batch.ts';
import { trainStep } from './train-step.ts';
import type { Training } from './training.ts';

/** How often a batch of samples is used, and in which pieces. */
export interface BatchUse {
  /** Times that the whole batch is trained on. @default 1 */
  readonly epochs?: number;
  /** Pieces of equal numbers of sequences, in their order, with an optimiser step each. @default 1 */
  readonly miniBatches?: number;
  /** No more steps are taken once the policy is so many nats a token from the old one. @default no bound */
  readonly maxApproxKl?: number;
  /**
   * `adapters off` scores the batch under the frozen model that adapters are trained on, and takes that as the reference.
   * @default the batch brings its own, if any
   */
  readonly reference?: 'adapters off';
}

/** What the steps on one batch did: sums and means over them; a metric that ends on `/max` or `/min` is the extreme. */
export interface BatchResult extends StepResult {
  /** Each of them, in order. */
  readonly steps: readonly StepResult[];
}

/** A batch of samples to train a policy on. */
export interface PolicyStepBatch extends StepBatch {
  readonly targets: GrpoTargets;
}

/**
 * One optimiser step or several on a batch of samples. Ratios are taken to the policy before the first of them, or to the sampler, as
 * `loss.oldPolicy` says, so from the second on the bounds of the loss have something to do.
 *
 * @throws {TrainerOptionError} {BatchError} {LossInputError} before anything has changed.
 * @throws {NonFiniteLossError} {NonFiniteGradientError} when the numbers break down; the steps before that one are taken.
 */
export async function trainBatch(
  training: Training,
  batch: PolicyStepBatch,
  {
    epochs = 1,
    miniBatches = 1,
    maxApproxKl = Number.POSITIVE_INFINITY,
    reference,
    ...options
  }: StepOptions & BatchUse = {},
): Promise<BatchResult> {
  const { inputs } = batch;
  checkStepOptions(options);
  checkBatchUse({ epochs, miniBatches, maxApproxKl });
  checkTargets(batch);
  checkSequences(inputs, training.config);
  if (reference !== undefined && training.lora === undefined) throw new NotConfiguredError('lora', 'reference');
  const targets = await scoredTargets(training, batch, {
    ...options,
    isReused: epochs * miniBatches > 1,
    isReferred: reference !== undefined,
  });
  const steps: StepResult[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const places of piecesOf(inputs.length, miniBatches)) {
      const piece = { inputs: pick(inputs, places), targets: pickTargets(targets, places) };
      const step = await trainStep(training, piece, options);
      steps.push(step);
      if ((step.metrics['approx_kl'] ?? 0) > maxApproxKl) return summarize(steps);
    }
  }
  return summarize(steps);
}

/** @throws {TrainerOptionError} naming the first option that is outside its range. */
export function checkBatchUse({ epochs = 1, miniBatches = 1, maxApproxKl = 1 }: BatchUse): void {
  for (const [option, value] of Object.entries({ epochs, miniBatches })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new TrainerOptionError(`batches.${option}`, value, 'a whole number of at least 1');
    }
  }
  if (!(maxApproxKl > 0)) throw new TrainerOptionError('batches.maxApproxKl', maxApproxKl, 'a number above 0');
}

interface ScoreOptions extends StepOptions {
  readonly isReused: boolean;
  readonly isReferred: boolean;
}

/** The targets with the log-probabilities that have to be computed before the first step changes the weights. */
async function scoredTargets(
  training: Training,
  { inputs, targets }: PolicyStepBatch,
  { loss = {}, temperature = 1, isReused, isReferred }: ScoreOptions,
): Promise<GrpoTargets> {
  const { masks } = targets;
  const scores = async (adapters: 'on' | 'off'): Promise<readonly Floats[]> =>
    (await training.forward(inputs, { temperature, masks, adapters })).logProbs;
  const needsOld = isReused && targets.oldLogProbs === undefined && oldPolicyOf(loss) === 'current';
  return {
    ...targets,
    ...(needsOld && { oldLogProbs: await scores('on') }),
    ...(isReferred && { refLogProbs: await scores('off') }),
  };
}

/** Places of a batch in pieces that differ by one at most; none is empty. */
function piecesOf(count: number, pieces: number): readonly (readonly number[])[] {
  const starts = Array.from({ length: pieces + 1 }, (_, i) => Math.round((i * count) / pieces));
  return starts
    .slice(0, -1)
    .map((start, i) => Array.from({ length: starts[i + 1]! - start }, (_, j) => start + j)) // there is one start more than pieces
    .filter((places) => places.length > 0);
}

function pickTargets(targets: GrpoTargets, places: readonly number[]): GrpoTargets {
  const { advantages, samplerLogProbs, oldLogProbs, refLogProbs, masks } = targets;
  return {
    ...targets,
    advantages: pick(advantages, places),
    samplerLogProbs: pick(samplerLogProbs, places),
    ...(oldLogProbs && { oldLogProbs: pick(oldLogProbs, places) }),
    ...(refLogProbs && { refLogProbs: pick(refLogProbs, places) }),
    ...(masks && { masks: pick(masks, places) }),
  };
}

function summarize(steps: readonly StepResult[]): BatchResult {
  const last = steps.at(-1)!; // a batch has a sequence, and so a step
  const names = Object.keys(last.metrics);
  return {
    loss: mean(steps.map(({ loss }) => loss)),
    gradNorm: mean(steps.map(({ gradNorm }) => gradNorm)),
    learningRate: last.learningRate,
    tokens: steps.reduce((sum, { tokens }) => sum + tokens, 0),
    step: last.step,
    metrics: Object.fromEntries(
      names.map((name) => [
        name,
        combine(
          name,
          steps.map(({ metrics }) => metrics[name]!),
        ),
      ]),
    ),
    steps,
  };
}

function combine(name: string, values: readonly number[]): number {
  if (name.endsWith('/max')) return Math.max(...values);
  if (name.endsWith('/min')) return Math.min(...values);
  return mean(values);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
