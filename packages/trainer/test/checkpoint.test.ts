import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadCheckpoint, saveCheckpoint } from '../src/checkpoint/checkpoint.ts';
import { openTraining } from '../src/open-training.ts';
import type { Sequence } from '../src/packing/sequence.ts';
import { trainStep } from '../src/train-step.ts';
import type { Training } from '../src/training.ts';
import type { TrainingOptions } from '../src/training-options.ts';
import { compare } from './golden-model.ts';
import { temporaryFolder } from './model-folder.ts';
import { tinyModel } from './tiny-model.ts';

const model = tinyModel(7);
const inputs: readonly Sequence[] = [
  { promptIds: [1, 2], tokenIds: [3, 4, 5, 6] },
  { promptIds: [9], tokenIds: [8, 7] },
];
const options: TrainingOptions = { schedule: { kind: 'cosine', warmupSteps: 1, totalSteps: 9 }, threads: 1 };

async function flipBit(file: string): Promise<void> {
  const bytes = await readFile(file);
  const middle = bytes.length >> 1;
  bytes[middle]! ^= 1;
  await writeFile(file, bytes);
}

const run = async (training: Training, steps: number): Promise<unknown[]> => {
  const results: unknown[] = [];
  for (let step = 0; step < steps; step++)
    results.push(await trainStep(training, { inputs, targets: { loss: 'sft' } }));
  return results;
};

test('interrupted and resumed is uninterrupted, bit for bit', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'step-5');
  await using uninterrupted = await openTraining(model, options);
  await run(uninterrupted, 3);
  uninterrupted.resetOptimizer({ kind: 'linear', totalSteps: 6 });
  await run(uninterrupted, 2);
  await saveCheckpoint(path, uninterrupted);
  const expected = await run(uninterrupted, 3);

  await using resumed = await openTraining(path, options);
  await loadCheckpoint(path, resumed);
  expect(await run(resumed, 3)).toEqual(expected);
  expect(compare(resumed.weights, uninterrupted.weights).worst).toBe(0);
});

test('a checkpoint replaces the one of its name', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'latest');
  await using training = await openTraining(model, options);
  for (let step = 1; step <= 2; step++) {
    await run(training, 1);
    await saveCheckpoint(path, training);
  }
  await using resumed = await openTraining(path, options);
  await loadCheckpoint(path, resumed);
  expect(resumed.steps).toBe(2);
});

test('the state that is written is that of the call, though training goes on', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'behind');
  await using training = await openTraining(model, options);
  await run(training, 2);
  const before = structuredClone({ weights: training.weights, moments: training.moments });
  const saving = saveCheckpoint(path, training);
  await run(training, 1);
  training.resetOptimizer();
  await run(training, 1);
  await saving;
  await using resumed = await openTraining(model, options);
  await loadCheckpoint(path, resumed);
  expect(resumed.steps).toBe(2);
  expect(compare(resumed.weights, before.weights).worst).toBe(0);
  for (const [i, moment] of resumed.moments.entries()) expect(compare(moment, before.moments[i]!).worst).toBe(0);
});

test('adapters are resumed with their moments, bit for bit', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'adapters');
  const withLora: TrainingOptions = { ...options, lora: { rank: 2 } };
  await using training = await openTraining(model, withLora);
  await run(training, 2);
  await saveCheckpoint(path, training);
  const expected = await run(training, 2);
  await using resumed = await openTraining(model, withLora);
  await loadCheckpoint(path, resumed);
  expect(await run(resumed, 2)).toEqual(expected);
});

test.each<{ what: string; damage: (path: string) => Promise<void> }>([
  { what: 'without moments', damage: (path) => rm(join(path, 'optimizer.safetensors')) },
  { what: 'without weights', damage: (path) => rm(join(path, 'model.safetensors')) },
  { what: 'without progress', damage: (path) => rm(join(path, 'training.json')) },
  { what: 'without its manifest', damage: (path) => rm(join(path, 'manifest.json')) },
  { what: 'with one bit of a moment flipped', damage: (path) => flipBit(join(path, 'optimizer.safetensors')) },
  { what: 'with progress of another kind', damage: (path) => writeFile(join(path, 'training.json'), '{"steps": -1}') },
  { what: 'with progress cut short', damage: (path) => writeFile(join(path, 'training.json'), '{"steps": ') },
])('a checkpoint $what is refused, and nothing changes', async ({ damage }) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'damaged');
  await using training = await openTraining(model, options);
  await run(training, 1);
  await saveCheckpoint(path, training);
  await damage(path);
  await using other = await openTraining(model, options);
  await expect(loadCheckpoint(path, other)).rejects.toMatchObject({ code: 'ERR_TRAINER_CHECKPOINT', folder: path });
  expect(other.progress).toEqual({ steps: 0, phaseSteps: 0, schedule: options.schedule });
  expect(compare(other.weights, model.weights).worst).toBe(0);
});

test('a checkpoint of another model is refused by the name of the weight', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'other');
  const { config, weights } = model;
  const name = 'model.norm.weight';
  await using training = await openTraining(model, options);
  await saveCheckpoint(path, training);
  const larger = tinyModel(7, { vocab_size: config.vocabSize + 1 });
  await using other = await openTraining(larger, options);
  await expect(loadCheckpoint(path, other)).rejects.toThrow(/embed_tokens/);
  expect(other.weights[name]!.data).toEqual(weights[name]!.data);
});
