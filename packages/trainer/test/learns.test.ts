import { expect, test } from 'vitest';
import { openTraining } from '../src/open-training.ts';
import type { Sequence } from '../src/packing/sequence.ts';
import type { StepResult } from '../src/step-batch.ts';
import { trainStep } from '../src/train-step.ts';
import type { Training } from '../src/training.ts';
import { compare } from './golden-model.ts';
import { tinyModel } from './tiny-model.ts';

/** Count on from the prompt: something to learn by heart. */
const inputs: readonly Sequence[] = Array.from({ length: 8 }, (_, first) => ({
  promptIds: [first, first + 1],
  tokenIds: Array.from({ length: 6 }, (_, i) => first + 2 + i),
}));

const options = { optimizer: { learningRate: 1e-2 }, threads: 1 } as const;

async function imitate(training: Training, steps: number): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (let step = 0; step < steps; step++)
    results.push(await trainStep(training, { inputs, targets: { loss: 'sft' } }));
  return results;
}

test('a tiny model learns a batch by heart', async () => {
  await using training = await openTraining(tinyModel(3), options);
  const results = await imitate(training, 60);
  expect(results[0]!.loss).toBeGreaterThan(2.5);
  expect(results.at(-1)!.loss).toBeLessThan(0.1);
});

test('the same seed gives the same bits twice', async () => {
  await using first = await openTraining(tinyModel(3), options);
  await using second = await openTraining(tinyModel(3), options);
  expect(await imitate(first, 10)).toEqual(await imitate(second, 10));
  expect(compare(first.weights, second.weights).worst).toBe(0);
});

test('grpo makes good completions likelier and bad ones less likely, step after step', async () => {
  await using training = await openTraining(tinyModel(4), { ...options, optimizer: { learningRate: 1e-3 } });
  const pair = [inputs[0]!, { ...inputs[0]!, tokenIds: [9, 4, 4, 9, 1, 1] }];
  const total = async (): Promise<readonly number[]> => {
    const { logProbs } = await training.forward(pair);
    return logProbs.map((row) => row.reduce((sum, logProb) => sum + logProb, 0));
  };
  const [goodBefore, badBefore] = await total();
  for (let step = 0; step < 10; step++) {
    const { logProbs: samplerLogProbs } = await training.forward(pair);
    const targets = { loss: 'grpo', advantages: [1, -1], samplerLogProbs } as const;
    await trainStep(training, { inputs: pair, targets });
  }
  const [good, bad] = await total();
  expect(good).toBeGreaterThan(goodBefore! + 1);
  expect(bad).toBeLessThan(badBefore! - 1);
});
