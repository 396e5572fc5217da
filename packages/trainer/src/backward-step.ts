import type { Floats } from './losses/loss.ts';
import { klWeight } from './losses/policy.ts';
import { allocateScores, type Scores } from './scores.ts';
import { countTokens, lossOf, pick, type StepBatch, type StepOptions } from './step-batch.ts';
import type { Training } from './training.ts';
import type { ForwardOptions } from './training-options.ts';

/**
 * Scores a batch, or some of its sequences, and adds the gradient of the loss over the whole batch to the gradients: backward
 * runs micro-batch by micro-batch with the weights that the loss has there. What cannot move the policy is only scored.
 *
 * @param batch.places - of the sequences that are this training's share. @default all
 * @returns the scores of all sequences; 0 for those that are not its share.
 */
export async function backwardStep(
  training: Training,
  { places = undefined, ...batch }: StepBatch & { readonly places?: readonly number[] | undefined },
  options: StepOptions,
): Promise<Scores> {
  const { inputs, targets } = batch;
  const isPolicy = targets.loss === 'grpo';
  const entropyBonus = isPolicy ? training.entropyBonus : 0;
  const temperature = isPolicy ? (options.temperature ?? 1) : 1;
  const scores = allocateScores(inputs);
  const collect = (some: readonly number[], part: Scores): void => {
    for (const [i, b] of some.entries()) {
      scores.logProbs[b]!.set(part.logProbs[i]!); // the scores of these sequences, in this order
      scores.entropy[b]!.set(part.entropy[i]!);
    }
  };
  const optionsFor = (some: readonly number[]): ForwardOptions => ({
    temperature,
    masks: targets.masks && pick(targets.masks, some),
  });
  const isStill = (b: number): boolean =>
    isPolicy && klWeight(options.loss ?? {}) === 0 && entropyBonus === 0 && isZero(targets.advantages[b]!);
  const scored = (places ?? [...inputs.keys()]).filter((b) => inputs[b]!.tokenIds.length > 0);
  const [moving, still] = [scored.filter((b) => !isStill(b)), scored.filter(isStill)];
  if (moving.length > 0) {
    const weigh = (some: readonly number[], { logProbs }: Scores) =>
      lossOf(batch, { places: pick(moving, some), logProbs: pick(logProbs, some) }, options).weights;
    const entropyWeight = -entropyBonus / Math.max(1, countTokens(batch));
    collect(
      moving,
      await training.forwardBackward(pick(inputs, moving), weigh, { ...optionsFor(moving), entropyWeight }),
    );
  }
  if (still.length > 0) collect(still, await training.forward(pick(inputs, still), optionsFor(still)));
  return scores;
}

const isZero = (advantage: number | Floats): boolean =>
  typeof advantage === 'number' ? advantage === 0 : Array.from(advantage).every((one) => one === 0);
