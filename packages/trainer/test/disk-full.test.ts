import { spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { saveCheckpoint } from '../src/checkpoint/checkpoint.ts';
import { CheckpointSeries } from '../src/checkpoint/checkpoint-series.ts';
import { openTraining } from '../src/open-training.ts';
import { trainStep } from '../src/train-step.ts';
import { compare } from './golden-model.ts';
import { temporaryFolder } from './model-folder.ts';
import { tinyModel } from './tiny-model.ts';

const model = tinyModel(7);
const folder = await temporaryFolder();
/** Room for one checkpoint of about 230 KiB, and not for two. */
const mounting = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'forge-trainer', folder.path]);
const isMounted = mounting.status === 0;

afterAll(async () => {
  if (isMounted) spawnSync('umount', [folder.path]);
  await folder[Symbol.asyncDispose]();
});

// Only root may mount a disk that is soon full.
test.skipIf(!isMounted)(
  'a full disk ends a save, which leaves the checkpoints before it and nothing else',
  async () => {
    const series = new CheckpointSeries(folder.path, { keep: 2 });
    await using training = await openTraining(model, { threads: 1 });
    const step = () =>
      trainStep(training, { inputs: [{ promptIds: [1], tokenIds: [2, 3] }], targets: { loss: 'sft' } });
    await step();
    await series.save(training);
    const saved = structuredClone(training.weights);
    await step();
    for (const save of [
      () => series.save(training),
      () => saveCheckpoint(join(folder.path, 'step-0000000001'), training),
    ]) {
      await expect(save()).rejects.toMatchObject({
        name: 'CheckpointSaveError',
        code: 'ERR_TRAINER_CHECKPOINT_SAVE',
        reason: 'ENOSPC',
        message: expect.stringMatching(/the disk is full/),
      });
      expect(await readdir(folder.path)).toEqual(['step-0000000001']);
    }
    await step();
    expect(await series.resumeLatest(training)).toBe(1);
    expect(compare(training.weights, saved).worst).toBe(0);
  },
);
