import type { Scores } from './packing/scores.ts';
import { planStep } from './packing/step-plan.ts';
import type { StepBatch, StepOptions } from './step-batch.ts';
import type { Training } from './training.ts';

/**
 * Scores a batch and adds the gradient of its loss to the gradients: backward runs micro-batch by micro-batch with the weights
 * that the loss of the whole batch has there. What cannot move the policy is only scored.
 */
export async function backwardStep(training: Training, batch: StepBatch, options: StepOptions): Promise<Scores> {
  const plan = planStep(batch, { ...options, packing: training.packing, entropyBonus: training.entropyBonus });
  const { temperature } = plan;
  await training.backwardOver(plan.learned, (each, picks) => plan.weigh(each, picks), temperature);
  await training.scoreOver(plan.scored, (each, picks) => plan.collect(each, picks), { temperature });
  return plan.scores;
}
