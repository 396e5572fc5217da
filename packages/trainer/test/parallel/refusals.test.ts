import { thisHost } from '@forge/monarch';
import { expect, test } from 'vitest';
import { ParallelTrainer } from '../../src/parallel/parallel-trainer.ts';
import type { GrpoTargets, StepBatch } from '../../src/step-batch.ts';
import { compare } from '../golden-model.ts';
import { modelFolder } from '../model-folder.ts';
import { tinyModel } from '../tiny-model.ts';
import { raggedBatches } from './batches.ts';

const model = tinyModel(8);
const settings = { threads: 1, maxTokensPerMicroBatch: 20 } as const;
const [, { inputs, targets }] = raggedBatches() as [unknown, StepBatch & { readonly targets: GrpoTargets }];

test.each(['dataParallel', 'fullyShard', 'pipeline'] as const)(
  'a batch that cannot be trained on changes no rank, and the next one is trained: %s',
  async (strategy) => {
    await using folder = await modelFolder(model);
    await using procs = await thisHost().spawnProcs({ kind: 'inline', perHost: { rank: 2 } });
    const options = { ...settings, model: folder.path, strategy, loss: { beta: 0.1 } };
    await using trainer = await ParallelTrainer.open(procs, options);
    const { refLogProbs: _, ...withoutReference } = targets;
    const samplerLogProbs = inputs.map(({ tokenIds }) => Float32Array.from(tokenIds, () => Number.NaN));
    for (const [bad, code] of [
      [{ inputs, targets: { ...targets, samplerLogProbs } }, 'ERR_TRAINER_NON_FINITE_LOSS'],
      [{ inputs, targets: withoutReference }, 'ERR_TRAINER_LOSS_INPUT'],
      [{ inputs: inputs.slice(1), targets }, 'ERR_TRAINER_LOSS_INPUT'],
      [{ inputs: [{ promptIds: [1], tokenIds: [99] }], targets: { loss: 'sft' } }, 'ERR_TRAINER_BATCH'],
    ] as const) {
      await expect(trainer.trainStep(bad.inputs, bad.targets)).rejects.toMatchObject({ code });
    }
    expect(compare(await trainer.getWeights(), model.weights).worst).toBe(0);
    // Two at once are one after the other.
    const steps = await Promise.all([trainer.trainStep(inputs, targets), trainer.trainStep(inputs, targets)]);
    expect(steps.map(({ step }) => step)).toEqual([1, 2]);
  },
);

test('weights that are not finite are named', async () => {
  const broken = tinyModel(8);
  broken.weights['model.layers.1.mlp.up_proj.weight']!.data[5] = Number.NaN;
  await using folder = await modelFolder(broken);
  await using procs = await thisHost().spawnProcs({ kind: 'inline', perHost: { rank: 2 } });
  await using trainer = await ParallelTrainer.open(procs, { ...settings, model: folder.path, strategy: 'fullyShard' });
  await expect(trainer.trainStep(inputs, { loss: 'sft' })).rejects.toMatchObject({
    code: 'ERR_TRAINER_NON_FINITE_LOSS',
    from: 'the weight model.layers.1.mlp.up_proj.weight has numbers that are not finite',
  });
});

test('a gradient that is not finite changes no rank', async () => {
  await using folder = await modelFolder(model);
  await using procs = await thisHost().spawnProcs({ kind: 'inline', perHost: { rank: 2 } });
  await using trainer = await ParallelTrainer.open(procs, { ...settings, model: folder.path, strategy: 'fullyShard' });
  const advantages = inputs.map(() => 1e42);
  await expect(trainer.trainStep(inputs, { ...targets, advantages })).rejects.toMatchObject({
    code: 'ERR_TRAINER_NON_FINITE_GRADIENT',
    parameters: expect.arrayContaining(['model.norm.weight']),
  });
  expect(compare(await trainer.getWeights(), model.weights).worst).toBe(0);
  expect((await trainer.trainStep(inputs, targets)).step).toBe(1);
});
