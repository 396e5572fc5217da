import type { Weights } from '@forge/models';
import { backwardStep } from './backward-step.ts';
import { checkStepOptions } from './check-options.ts';
import { NonFiniteLossError } from './errors.ts';
import { checkSequences } from './packing/sequence.ts';
import {
  checkTargets,
  firstNonFinite,
  type StepBatch,
  type StepOptions,
  type StepResult,
  scoredLoss,
} from './step-batch.ts';
import type { Training } from './training.ts';

/**
 * One optimiser step on a batch, whatever the number of micro-batches: the loss is normalised over the whole batch first.
 *
 * @throws {TrainerOptionError} when an option is outside its range.
 * @throws {BatchError} {LossInputError} when the batch does not fit the model or itself.
 * @throws {NonFiniteLossError} {NonFiniteGradientError} when the numbers break down. In every case the weights, the moments
 * and the schedule are as they were.
 */
export async function trainStep(training: Training, batch: StepBatch, options: StepOptions = {}): Promise<StepResult> {
  const { inputs, targets } = batch;
  checkStepOptions(options);
  checkTargets(batch);
  checkSequences(inputs, training.config);
  training.zeroGradients();
  const scores = await backwardStep(training, batch, options);
  const scored = scoredLoss(batch, scores, { ...options, entropyBonus: training.entropyBonus });
  if (!Number.isFinite(scored.loss)) {
    training.zeroGradients();
    const from = firstNonFinite(targets) ?? firstNonFiniteWeight(training.weights);
    throw new NonFiniteLossError({ loss: scored.loss, step: training.steps + 1, sequences: inputs.length, from });
  }
  await training.readyToStep();
  const step = training.optimizerStep({ learningRate: targets.loss === 'sft' ? targets.learningRate : undefined });
  return { ...scored, ...step, step: training.steps };
}

function firstNonFiniteWeight(weights: Weights): string | undefined {
  const broken = Object.entries(weights).find(([, { data }]) => !data.every(Number.isFinite));
  return broken && `the weight ${broken[0]} has numbers that are not finite`;
}
