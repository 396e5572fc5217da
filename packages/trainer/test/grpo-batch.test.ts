import { expect, test } from 'vitest';
import { type GrpoEpisode, grpoBatch } from '../src/index.ts';
import { openTraining } from '../src/open-training.ts';
import { trainStep } from '../src/train-step.ts';
import { tinyModel } from './tiny-model.ts';

const episodes = [
  { promptIds: [1, 2, 3], tokenIds: [4, 5], logProbs: Float32Array.of(-3, -2), advantage: 1 },
  { promptIds: [8, 9], tokenIds: [10], logProbs: [-4], advantage: [-1] },
] satisfies readonly GrpoEpisode[];
const scored = episodes.map((episode) => ({ ...episode, refLogProbs: episode.tokenIds.map(() => -1), reward: 1 }));

test('episodes become inputs and targets in their order', () => {
  const targets = { loss: 'grpo', advantages: [1, [-1]], samplerLogProbs: [Float32Array.of(-3, -2), [-4]] };
  const inputs = [
    { promptIds: [1, 2, 3], tokenIds: [4, 5] },
    { promptIds: [8, 9], tokenIds: [10] },
  ];
  expect(grpoBatch(episodes)).toEqual({ inputs, targets });
  expect(grpoBatch(scored)).toEqual({ inputs, targets: { ...targets, refLogProbs: [[-1, -1], [-1]] } });
});

test('a step takes the batch', async () => {
  await using training = await openTraining(tinyModel(2), { threads: 1 });
  const { tokens, metrics } = await trainStep(training, grpoBatch(scored), { loss: { beta: 0.1 } });
  expect(tokens).toBe(3);
  expect(metrics['kl']).toBeGreaterThan(0);
});

test('episodes of which only some were scored by the reference model are refused', () => {
  expect(() => grpoBatch([scored[0]!, episodes[1]!])).toThrow(
    expect.objectContaining({
      code: 'ERR_TRAINER_LOSS_INPUT',
      field: 'refLogProbs',
      message: expect.stringMatching(/episode 1 has none/),
    }),
  );
});

test('what the policy did not choose is masked out, and an episode without a mask counts whole', () => {
  const mask = Uint8Array.from(episodes[0]!.tokenIds, (_, at) => at % 2);
  const { targets } = grpoBatch([{ ...episodes[0]!, mask }, episodes[1]!]);
  expect(targets.masks).toEqual([mask, episodes[1]!.tokenIds.map(() => 1)]);
});
