import { initializeLora } from '@forge/models';
import { expect, test } from 'vitest';
import { NotConfiguredError, TrainerOptionError } from '../src/errors.ts';
import { openTraining } from '../src/open-training.ts';
import type { Sequence } from '../src/packing/sequence.ts';
import { type BatchUse, trainBatch } from '../src/train-batch.ts';
import { trainStep } from '../src/train-step.ts';
import { compare } from './golden-model.ts';
import { tinyModel } from './tiny-model.ts';

const model = tinyModel(3);
const optimizer = { learningRate: 1e-2 };

const inputs: readonly Sequence[] = [
  { promptIds: [1, 2, 3], tokenIds: [4, 5] },
  { promptIds: [1, 2, 3], tokenIds: [6, 7, 8, 9] },
  { promptIds: [5, 6], tokenIds: [10, 3] },
  { promptIds: [5, 6], tokenIds: [11] },
];

/** The policy sampled them, so the first ratios are 1. */
async function onPolicy() {
  await using training = await openTraining(model);
  const { logProbs } = await training.forward(inputs);
  return { inputs, targets: { loss: 'grpo', advantages: [1, -1, 0.5, -0.5], samplerLogProbs: logProbs } } as const;
}

test('one epoch of one piece is one step, to the last bit', async () => {
  const batch = await onPolicy();
  await using training = await openTraining(model, { optimizer });
  await using manual = await openTraining(model, { optimizer });
  const { steps, ...result } = await trainBatch(training, batch);
  expect(result).toEqual(await trainStep(manual, batch));
  expect(steps).toEqual([result]);
  expect(compare(training.weights, manual.weights).worst).toBe(0);
});

test('pieces and epochs are steps of their own, on ratios to the policy that began', async () => {
  const batch = await onPolicy();
  await using training = await openTraining(model, { optimizer });
  await using manual = await openTraining(model, { optimizer });
  const { steps, tokens, step } = await trainBatch(training, batch, { epochs: 2, miniBatches: 2 });
  const half = (from: number) => ({
    inputs: inputs.slice(from, from + 2),
    targets: {
      loss: 'grpo',
      advantages: batch.targets.advantages.slice(from, from + 2),
      samplerLogProbs: batch.targets.samplerLogProbs.slice(from, from + 2),
    } as const,
  });
  const expected = [];
  for (const from of [0, 2, 0, 2]) expected.push(await trainStep(manual, half(from)));
  expect(steps).toEqual(expected);
  expect({ tokens, step }).toEqual({ tokens: 18, step: 4 });
  expect(steps[0]!.metrics['ratio/max']).toBeCloseTo(1, 5);
  expect(steps[2]!.metrics['ratio/max']).toBeGreaterThan(1.01);
});

test('with the current policy as the old one, ratios begin at 1 whoever sampled, and the correction stays that of the begin', async () => {
  const { targets } = await onPolicy();
  const samplerLogProbs = targets.samplerLogProbs.map((row) => row.map((logProb) => logProb - 0.4));
  await using training = await openTraining(model, { optimizer });
  const { steps } = await trainBatch(
    training,
    { inputs, targets: { ...targets, samplerLogProbs } },
    { epochs: 3, loss: { oldPolicy: 'current', correction: 'tis' } },
  );
  expect(steps[0]!.metrics['ratio/max']).toBe(1);
  expect(steps[2]!.metrics['ratio/max']).toBeGreaterThan(1.01);
  for (const { metrics } of steps) {
    expect(metrics['sampling/importance_sampling_ratio/mean']).toBeCloseTo(Math.exp(0.4), 5);
  }
});

test('it stops when the policy has gone too far', async () => {
  const batch = await onPolicy();
  await using training = await openTraining(model, { optimizer: { learningRate: 0.05 } });
  const { steps } = await trainBatch(training, batch, { epochs: 50, maxApproxKl: 0.02 });
  expect(steps.length).toBeLessThan(50);
  expect(steps.findIndex(({ metrics }) => metrics['approx_kl']! > 0.02)).toBe(steps.length - 1);
});

test('with the adapters off a policy is its own reference', async () => {
  const { targets } = await onPolicy();
  const lora = { rank: 4 };
  const adapted = { ...model, weights: { ...model.weights, ...initializeLora(model.config, lora, 1) } };
  await using training = await openTraining(adapted, { optimizer, lora });
  const use = { epochs: 3, reference: 'adapters off', loss: { beta: 0.1 } } as const;
  const { steps } = await trainBatch(training, { inputs, targets }, use);
  expect(steps[0]!.metrics['kl']).toBeCloseTo(0, 9);
  expect(steps[2]!.metrics['kl']).toBeGreaterThan(1e-6);
  const { logProbs } = await training.forward(inputs, { adapters: 'off' });
  await using frozen = await openTraining(model);
  expect(compareRows(logProbs, (await frozen.forward(inputs)).logProbs)).toBeLessThan(1e-5);
  expect(compareRows(logProbs, (await training.forward(inputs)).logProbs)).toBeGreaterThan(1e-3);
});

test.each<[BatchUse, string]>([
  [{ epochs: 0 }, 'batches.epochs'],
  [{ miniBatches: 1.5 }, 'batches.miniBatches'],
  [{ maxApproxKl: 0 }, 'batches.maxApproxKl'],
])('%j is refused', async (use, option) => {
  await using training = await openTraining(model);
  await expect(trainBatch(training, await onPolicy(), use)).rejects.toMatchObject({ option });
  await expect(trainBatch(training, await onPolicy(), use)).rejects.toBeInstanceOf(TrainerOptionError);
});

test('a model without adapters has none to turn off', async () => {
  await using training = await openTraining(model);
  const refused = trainBatch(training, await onPolicy(), { reference: 'adapters off' });
  await expect(refused).rejects.toBeInstanceOf(NotConfiguredError);
});

const compareRows = (a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]): number =>
  Math.max(...a.flatMap((row, i) => Array.from(row, (value, t) => Math.abs(value - b[i]![t]!))));
