import { Random } from '@forge/tensor';
import { expect, test } from 'vitest';
import { openTraining } from '../src/open-training.ts';
import type { Sequence } from '../src/packing/sequence.ts';
import type { TrainingOptions } from '../src/training-options.ts';
import { compare } from './golden-model.ts';
import { tinyModel } from './tiny-model.ts';

const model = tinyModel(1);

/** Sequences of 2 to 20 tokens. */
function randomSequences(seed: string, count: number): Sequence[] {
  const random = new Random(seed);
  const ids = (length: number): number[] => Array.from({ length }, () => random.integer(model.config.vocabSize));
  return Array.from({ length: count }, () => ({
    promptIds: ids(1 + random.integer(8)),
    tokenIds: ids(1 + random.integer(12)),
  }));
}

const randomWeights = (sequences: readonly Sequence[]): Float64Array[] => {
  const random = new Random('weights');
  return sequences.map(({ tokenIds }) => Float64Array.from(tokenIds, () => random.normal()));
};

async function gradientsWith(options: TrainingOptions, sequences: readonly Sequence[]) {
  await using training = await openTraining(model, options);
  const scores = await training.forwardBackward(sequences, randomWeights(sequences));
  return { scores, gradients: training.gradients };
}

test('many micro-batches give the gradient of one', async () => {
  const sequences = randomSequences('accumulation', 12);
  const one = await gradientsWith({ tokensPerRow: 32, maxTokensPerMicroBatch: 100_000 }, sequences);
  const many = await gradientsWith({ tokensPerRow: 32, maxTokensPerMicroBatch: 32 }, sequences);
  expect(compare(many.gradients, one.gradients).worst).toBeLessThan(1e-5);
});

test('packed rows score and train as one row a sequence does', async () => {
  const sequences = randomSequences('packing', 12);
  const packed = await gradientsWith({ tokensPerRow: 64 }, sequences);
  const padded = await gradientsWith({ tokensPerRow: 1 }, sequences);
  for (const [b, row] of padded.scores.logProbs.entries()) {
    for (const [t, value] of row.entries()) expect(Math.abs(packed.scores.logProbs[b]![t]! - value)).toBeLessThan(1e-5);
  }
  expect(compare(packed.gradients, padded.gradients).worst).toBeLessThan(1e-5);
});

test('forward and forwardBackward give the same scores, and forward leaves the gradients alone', async () => {
  const sequences = randomSequences('forward', 5);
  await using training = await openTraining(model);
  const trained = await training.forwardBackward(sequences, randomWeights(sequences), { temperature: 0.7 });
  const before = training.gradients['model.norm.weight']!.data.slice();
  const scored = await training.forward(sequences, { temperature: 0.7 });
  expect(training.gradients['model.norm.weight']!.data).toEqual(before);
  for (const kind of ['logProbs', 'entropy'] as const) {
    for (const [b, row] of scored[kind].entries()) {
      for (const [t, value] of row.entries()) expect(Math.abs(trained[kind][b]![t]! - value)).toBeLessThan(1e-5);
    }
  }
});

test('temperature divides the logits', async () => {
  const sequences = randomSequences('temperature', 3);
  await using training = await openTraining(model);
  const [cold, hot] = [
    await training.forward(sequences, { temperature: 0.1 }),
    await training.forward(sequences, { temperature: 100 }),
  ];
  const uniform = Math.log(model.config.vocabSize);
  expect(hot.entropy[0]![0]).toBeCloseTo(uniform, 3);
  expect(hot.logProbs[0]![0]).toBeCloseTo(-uniform, 1);
  expect(cold.entropy[0]![0]).toBeLessThan(uniform);
});

test('gradients add up until a step uses them, and zeroGradients drops them', async () => {
  const sequences = randomSequences('adding', 4);
  await using training = await openTraining(model);
  const weights = randomWeights(sequences);
  await training.forwardBackward(sequences, weights);
  const once = training.gradients['model.norm.weight']!.data.slice();
  await training.forwardBackward(sequences, weights);
  expect(Array.from(training.gradients['model.norm.weight']!.data)).toEqual(Array.from(once, (value) => 2 * value));
  training.zeroGradients();
  await training.forwardBackward(sequences, weights);
  expect(training.gradients['model.norm.weight']!.data).toEqual(once);
  training.optimizerStep();
  expect(training.optimizerStep({ learningRate: 1 }).gradNorm).toBe(0);
});

test('a gradient that is not a number leaves weights, moments and schedule as they were', async () => {
  const sequences = randomSequences('broken', 3);
  const options: TrainingOptions = { schedule: { kind: 'linear', totalSteps: 10 } };
  await using training = await openTraining(model, options);
  await using other = await openTraining(model, options);
  const weights = randomWeights(sequences);
  await training.forwardBackward(
    sequences,
    weights.map((row) => row.map(() => Number.NaN)),
  );
  expect(() => training.optimizerStep()).toThrow(
    expect.objectContaining({
      code: 'ERR_TRAINER_NON_FINITE_GRADIENT',
      step: 1,
      parameters: expect.arrayContaining(['model.norm.weight']),
    }),
  );
  expect(training.steps).toBe(0);
  for (const each of [training, other]) {
    await each.forwardBackward(sequences, weights);
    expect(each.optimizerStep().learningRate).toBe(1e-3);
  }
  expect(compare(training.weights, other.weights).worst).toBe(0);
});

test('resetOptimizer starts the moments and the schedule again, and keeps the weights', async () => {
  const sequences = randomSequences('phases', 3);
  await using training = await openTraining(model, { schedule: { kind: 'linear', totalSteps: 4 } });
  const rates: number[] = [];
  for (const phase of [1, 2]) {
    for (let step = 0; step < 2; step++) {
      await training.forwardBackward(sequences, randomWeights(sequences));
      rates.push(training.optimizerStep().learningRate);
    }
    const before = training.weights['model.norm.weight']!.data.slice();
    if (phase === 1) training.resetOptimizer();
    expect(training.weights['model.norm.weight']!.data).toEqual(before);
  }
  expect(rates).toEqual([1e-3, 0.75e-3, 1e-3, 0.75e-3]);
});

test('the given weights are copied', async () => {
  const sequences = randomSequences('copy', 2);
  const before = model.weights['model.norm.weight']!.data.slice();
  await using training = await openTraining(model);
  await training.forwardBackward(sequences, randomWeights(sequences));
  training.optimizerStep();
  expect(model.weights['model.norm.weight']!.data).toEqual(before);
  expect(training.weights['model.norm.weight']!.data).not.toEqual(before);
});

test.each([
  { optimizer: { learningRate: -1 } },
  { optimizer: { betas: [0.9, 1] } },
  { optimizer: { epsilon: 0 } },
  { optimizer: { weightDecay: Number.NaN } },
  { schedule: { kind: 'linear', totalSteps: 0 } },
  { schedule: { kind: 'constant', warmupSteps: 0.5 } },
  { maxGradNorm: 0 },
  { tokensPerRow: 0 },
  { maxTokensPerMicroBatch: -5 },
] satisfies TrainingOptions[])('%j is refused before a model is read', async (options) => {
  await expect(openTraining('no such folder', options)).rejects.toMatchObject({ code: 'ERR_TRAINER_OPTION' });
});
