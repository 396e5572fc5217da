import { expect, test } from 'vitest';
import { openTraining } from '../src/open-training.ts';
import type { Sequence } from '../src/packing/sequence.ts';
import type { GrpoTargets } from '../src/step-batch.ts';
import { trainStep } from '../src/train-step.ts';
import type { TrainingOptions } from '../src/training-options.ts';
import { compare } from './golden-model.ts';
import { tinyModel } from './tiny-model.ts';

const model = tinyModel(9, { initializer_range: 0.3 });
const inputs: readonly Sequence[] = [
  { promptIds: [1, 2, 3], tokenIds: [4, 5, 6] },
  { promptIds: [1, 2, 3], tokenIds: [7, 8] },
];
const sum = (rows: readonly Float32Array[]): number => rows.flatMap((row) => Array.from(row)).reduce((a, b) => a + b);

test.each([{}, { recompute: true }] satisfies TrainingOptions[])(
  'the gradient of entropy is that of central differences: %j',
  async (options) => {
    await using training = await openTraining(model, { ...options, entropyBonus: 1 });
    const zeros = inputs.map(({ tokenIds }) => tokenIds.map(() => 0));
    await training.forwardBackward(inputs, zeros, { entropyWeight: 0.5, temperature: 0.8 });
    for (const name of ['model.embed_tokens.weight', 'model.layers.0.mlp.up_proj.weight', 'model.norm.weight']) {
      const { data } = training.weights[name]!;
      const gradient = training.gradients[name]!.data;
      const at = gradient.reduce((best, value, i) => (Math.abs(value) > Math.abs(gradient[best]!) ? i : best), 0);
      const before = data[at]!;
      const entropyAt = async (value: number): Promise<number> => {
        data[at] = value;
        return sum((await training.forward(inputs, { temperature: 0.8 })).entropy);
      };
      const step = 1e-2;
      const slope = (0.5 * ((await entropyAt(before + step)) - (await entropyAt(before - step)))) / (2 * step);
      data[at] = before;
      expect(Math.abs(slope - gradient[at]!)).toBeLessThan(1e-2 * Math.max(1, Math.abs(slope)));
    }
  },
);

test('a step with a bonus raises the entropy, and its loss is the policy loss less the bonus', async () => {
  await using plain = await openTraining(model);
  const { logProbs } = await plain.forward(inputs);
  const targets: GrpoTargets = { loss: 'grpo', advantages: [0, 0], samplerLogProbs: logProbs };
  await using training = await openTraining(model, {
    entropyBonus: 0.5,
    optimizer: { learningRate: 1e-3, weightDecay: 0 },
  });
  const first = await trainStep(training, { inputs, targets });
  expect(first.loss).toBeCloseTo(-0.5 * first.metrics['entropy']!, 6);
  const second = await trainStep(training, { inputs, targets });
  expect(second.metrics['entropy']).toBeGreaterThan(first.metrics['entropy']!);
  await trainStep(plain, { inputs, targets });
  expect(compare(plain.weights, training.weights).worst).toBeGreaterThan(0);
});

test('a loss that is not a number names the step, the batch and the first tensor at fault', async () => {
  await using training = await openTraining(model);
  const good: GrpoTargets = {
    loss: 'grpo',
    advantages: [1, -1],
    samplerLogProbs: [
      [-1, -1, -1],
      [-1, -1],
    ],
  };
  const bad = {
    ...good,
    samplerLogProbs: [
      [-1, -1, -1],
      [-1, Number.NaN],
    ],
  };
  await expect(trainStep(training, { inputs, targets: bad })).rejects.toThrow(
    'The loss of step 1, over 2 sequences, is NaN: samplerLogProbs of sequence 1, token 1, is NaN. No weight was changed.',
  );
  training.weights['model.layers.1.mlp.up_proj.weight']!.data[3] = Number.NaN;
  await expect(trainStep(training, { inputs, targets: good })).rejects.toMatchObject({
    code: 'ERR_TRAINER_NON_FINITE_LOSS',
    from: expect.stringContaining('model.layers.1.mlp.up_proj.weight'),
  });
});
