import { Random } from '@forge/tensor';
import type { Sequence } from '../../src/packing/sequence.ts';
import type { StepBatch, Targets } from '../../src/step-batch.ts';

/** Ragged groups, some of which cannot move the policy: policy steps and supervised ones, in turn. */
export function raggedBatches(): readonly StepBatch[] {
  const random = new Random('ranks');
  const ids = (length: number): number[] => Array.from({ length }, () => random.integer(24));
  const inputs: Sequence[] = [3, 5, 1, 2, 4].flatMap((size) => {
    const promptIds = ids(2 + random.integer(9));
    return Array.from({ length: size }, () => ({ promptIds, tokenIds: ids(1 + random.integer(9)) }));
  });
  const near = (): Float32Array[] =>
    inputs.map(({ tokenIds }) => Float32Array.from(tokenIds, () => -3 + 0.2 * random.normal()));
  const grpo: Targets = {
    loss: 'grpo',
    advantages: inputs.map((_, b) => (b % 4 === 1 ? 0 : random.normal())),
    samplerLogProbs: near(),
    refLogProbs: near(),
    masks: inputs.map(({ tokenIds }) => tokenIds.map((_, t) => (t % 4 === 2 ? 0 : 1))),
  };
  // Ratios so high that they are clipped: whole micro-batches are run and then teach nothing.
  const clipped: Targets = {
    loss: 'grpo',
    advantages: inputs.map(() => 1),
    samplerLogProbs: inputs.map(({ promptIds, tokenIds }) =>
      Float32Array.from(tokenIds, () => (promptIds.length % 2 === 0 ? -30 : -3)),
    ),
  };
  return [
    { inputs, targets: clipped },
    { inputs, targets: grpo },
    { inputs, targets: clipped },
    { inputs: inputs.slice(0, 5), targets: { loss: 'sft', learningRate: 1e-3 } },
  ];
}
