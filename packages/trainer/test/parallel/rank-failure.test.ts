import { join } from 'node:path';
import { thisHost } from '@forge/monarch';
import { expect, test } from 'vitest';
import { loadCheckpoint } from '../../src/checkpoint/checkpoint.ts';
import { openTraining } from '../../src/open-training.ts';
import { ParallelTrainer } from '../../src/parallel/parallel-trainer.ts';
import { trainStep } from '../../src/train-step.ts';
import { StepWatcher } from '../fixtures/step-watcher.ts';
import { modelFolder, temporaryFolder } from '../model-folder.ts';
import { tinyModel } from '../tiny-model.ts';
import { raggedBatches } from './batches.ts';

const model = tinyModel(2, { num_hidden_layers: 3 });
const settings = { threads: 1, maxTokensPerMicroBatch: 20 } as const;
const [{ inputs, targets }] = raggedBatches() as [ReturnType<typeof raggedBatches>[number]];

test.each([
  { strategy: 'fullyShard', numRanks: 3, asked: 5 },
  { strategy: 'pipeline', numRanks: 2, asked: 2 },
] as const)(
  'a rank that is killed in the middle of a step ends it for all, and fewer go on from a checkpoint: $strategy',
  async ({ strategy, numRanks, asked }) => {
    await using folder = await modelFolder(model);
    await using saved = await temporaryFolder();
    const checkpoint = join(saved.path, 'checkpoint');
    const victim = numRanks - 1;
    const told: string[] = [];
    await using procs = await thisHost().spawnProcs({
      perHost: { rank: numRanks },
      supervise: ({ kind }) => told.push(kind) > 0,
    });
    await using watchers = await procs.spawn('watchers', StepWatcher);
    const pids = (await watchers.pid.call()).toArray();
    await using trainer = await ParallelTrainer.open(procs, { ...settings, model: folder.path, strategy });
    await trainer.trainStep(inputs, targets);
    await trainer.saveCheckpoint(checkpoint);
    const isAsked = watchers.slice({ rank: 0 }).untilAsked.callOne(asked);
    const step = trainer.trainStep(inputs, targets);
    const refused = expect(step).rejects.toMatchObject({
      code: 'ERR_TRAINER_RANK',
      rank: victim,
      numRanks,
      cause: { code: 'ERR_MONARCH_MESH', kind: 'signal' },
    });
    await isAsked;
    process.kill(pids[victim]!, 'SIGKILL');
    await refused;
    await expect(trainer.trainStep(inputs, targets)).rejects.toMatchObject({ code: 'ERR_TRAINER_RANK', rank: victim });
    await expect(trainer.getWeights()).rejects.toMatchObject({ code: 'ERR_TRAINER_RANK', rank: victim });
    expect(told).toContain('signal');

    const left = procs.slice({ rank: { to: victim } });
    await using fewer = await ParallelTrainer.open(left, { ...settings, model: folder.path, strategy });
    await fewer.loadCheckpoint(checkpoint);
    const again = await fewer.trainStep(inputs, targets);
    await using alone = await openTraining(model, { ...settings, recompute: true });
    await loadCheckpoint(checkpoint, alone);
    expect(again).toEqual(await trainStep(alone, { inputs, targets }));
  },
);
