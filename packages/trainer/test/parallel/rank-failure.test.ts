import { thisHost } from '@forge/monarch';
import { expect, test } from 'vitest';
import { ParallelTrainer } from '../../src/parallel/parallel-trainer.ts';
import { StepWatcher } from '../fixtures/step-watcher.ts';
import { modelFolder } from '../model-folder.ts';
import { tinyModel } from '../tiny-model.ts';
import { raggedBatches } from './batches.ts';

const settings = { threads: 1, maxTokensPerMicroBatch: 20 } as const;
const [{ inputs, targets }] = raggedBatches() as [ReturnType<typeof raggedBatches>[number]];

test.each([
  { strategy: 'dataParallel', numRanks: 2, asked: 1 },
  { strategy: 'fullyShard', numRanks: 3, asked: 5 },
  { strategy: 'pipeline', numRanks: 3, asked: 2 },
] as const)(
  'a rank that is killed in the middle of a step ends it for all: $strategy',
  async ({ strategy, numRanks, asked }) => {
    await using folder = await modelFolder(tinyModel(2, { num_hidden_layers: 3 }));
    const told: string[] = [];
    await using procs = await thisHost().spawnProcs({
      perHost: { rank: numRanks },
      supervise: ({ kind }) => told.push(kind) > 0,
    });
    await using watchers = await procs.spawn('watchers', StepWatcher);
    const pids = (await watchers.pid.call()).toArray();
    await using trainer = await ParallelTrainer.open(procs, { ...settings, model: folder.path, strategy });
    await trainer.trainStep(inputs, targets);
    const isAsked = watchers.slice({ rank: 0 }).untilAsked.callOne(asked);
    const step = trainer.trainStep(inputs, targets);
    const refused = expect(step).rejects.toMatchObject({
      code: 'ERR_TRAINER_RANK',
      rank: 1,
      numRanks,
      cause: { code: 'ERR_MONARCH_MESH', kind: 'signal' },
    });
    await isAsked;
    process.kill(pids[1]!, 'SIGKILL');
    await refused;
    await expect(trainer.trainStep(inputs, targets)).rejects.toMatchObject({ code: 'ERR_TRAINER_RANK', rank: 1 });
    await expect(trainer.getWeights()).rejects.toMatchObject({ code: 'ERR_TRAINER_RANK', rank: 1 });
    expect(told).toContain('signal');
  },
);
