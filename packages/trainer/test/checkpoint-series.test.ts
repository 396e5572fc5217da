import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { thisHost } from '@forge/monarch';
import { Random } from '@forge/tensor';
import { expect, test } from 'vitest';
import { loadCheckpoint } from '../src/checkpoint/checkpoint.ts';
import { CheckpointSeries } from '../src/checkpoint/checkpoint-series.ts';
import { openTraining } from '../src/open-training.ts';
import { trainStep } from '../src/train-step.ts';
import { Trainer } from '../src/trainer.ts';
import type { Training } from '../src/training.ts';
import { compare } from './golden-model.ts';
import { modelFolder, temporaryFolder } from './model-folder.ts';
import { tinyModel } from './tiny-model.ts';

const model = tinyModel(7);

/** The step that the process of `fixtures/endless-saver.ts` takes after so many steps. */
async function step(training: Training): Promise<void> {
  const inputs = [{ promptIds: [1, 2], tokenIds: [3, 4, 5, 1 + (training.steps % 20)] }];
  await trainStep(training, { inputs, targets: { loss: 'sft' } });
}

test('the newest checkpoints are kept, and the last complete one is resumed', async () => {
  await using folder = await temporaryFolder();
  const series = new CheckpointSeries(folder.path, { keep: 2 });
  await using training = await openTraining(model, { threads: 1 });
  expect(await series.resumeLatest(training)).toBeUndefined();
  const saves: Promise<string>[] = [];
  for (let i = 0; i < 4; i++) {
    await step(training);
    saves.push(series.save(training));
  }
  await Promise.all(saves);
  expect((await readdir(folder.path)).toSorted()).toEqual(['step-0000000003', 'step-0000000004']);
  await writeFile(join(folder.path, 'step-0000000004', 'training.json'), '{}');
  expect(await series.resumeLatest(training)).toBe(3);
  expect(training.steps).toBe(3);
  await writeFile(join(folder.path, 'step-0000000003', 'training.json'), '{}');
  await expect(series.resumeLatest(training)).rejects.toMatchObject({ code: 'ERR_TRAINER_CHECKPOINT' });
  expect(training.steps).toBe(3);
});

test('a training that went back leaves no newer checkpoints behind', async () => {
  await using folder = await temporaryFolder();
  const series = new CheckpointSeries(folder.path, { keep: 5 });
  await using training = await openTraining(model, { threads: 1 });
  await series.save(training);
  for (let i = 0; i < 3; i++) await step(training);
  await series.save(training);
  await loadCheckpoint(join(folder.path, 'step-0000000000'), training);
  await step(training);
  await series.save(training);
  expect((await readdir(folder.path)).toSorted()).toEqual(['step-0000000000', 'step-0000000001']);
});

test('a process that is killed at any moment of a save leaves a checkpoint that equals the uninterrupted training', async () => {
  await using folder = await temporaryFolder();
  const random = new Random('kill');
  let lastSaved = 0;
  for (let round = 0; round < 6; round++) {
    const script = join(import.meta.dirname, 'fixtures', 'endless-saver.ts');
    const child = spawn(process.execPath, [script, folder.path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    // Some saves later, at some moment of one that takes about ten milliseconds.
    const [later, delayMs] = [1 + random.integer(3), random.integer(15)];
    let wanted = Number.NaN;
    for await (const line of createInterface({ input: child.stdout })) {
      const [what, at] = line.split(' ') as [string, string];
      if (what === 'resumed') {
        expect(Number(at)).toBeGreaterThanOrEqual(lastSaved);
        wanted = Number(at) + later;
      }
      if (what === 'saved') lastSaved = Number(at);
      if (what === 'saving' && Number(at) === wanted) setTimeout(() => child.kill('SIGKILL'), delayMs);
    }
    await exited;
    expect(child.signalCode).toBe('SIGKILL');
  }
  await using resumed = await openTraining(model, { threads: 1 });
  const found = await new CheckpointSeries(folder.path).resumeLatest(resumed);
  expect(found).toBeGreaterThanOrEqual(lastSaved);
  await using uninterrupted = await openTraining(model, { threads: 1 });
  while (uninterrupted.steps < resumed.steps) await step(uninterrupted);
  expect(compare(resumed.weights, uninterrupted.weights).worst).toBe(0);
});

test('the actor writes checkpoints of its own accord and goes on from the latest', async () => {
  await using folder = await modelFolder(model);
  await using checkpoints = await temporaryFolder();
  const options = {
    model: folder.path,
    threads: 1,
    checkpoints: { folder: checkpoints.path, everySteps: 2, resume: 'latest' },
  } as const;
  const inputs = [{ promptIds: [1, 2], tokenIds: [3, 4, 5] }];
  for (const before of [0, 2]) {
    await using procs = await thisHost().spawnProcs({ kind: 'inline' });
    await using trainer = await procs.spawn('trainer', Trainer, options);
    expect(await trainer.steps.callOne()).toBe(before);
    for (let i = 0; i < 3 - before / 2; i++) await trainer.trainStep.callOne(inputs, { loss: 'sft' });
    await trainer.finishCheckpoints.callOne();
  }
  expect((await readdir(checkpoints.path)).toSorted()).toEqual(['step-0000000002', 'step-0000000004']);
});
