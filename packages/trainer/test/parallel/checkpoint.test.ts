import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig, loadWeights, mergeLora } from '@forge/models';
import { thisHost } from '@forge/monarch';
import { expect, test } from 'vitest';
import { loadCheckpoint, saveCheckpoint } from '../../src/checkpoint/checkpoint.ts';
import { openTraining } from '../../src/open-training.ts';
import { ParallelTrainer } from '../../src/parallel/parallel-trainer.ts';
import type { ParallelOptions } from '../../src/parallel/trainer-rank.ts';
import { trainStep } from '../../src/train-step.ts';
import { compare } from '../golden-model.ts';
import { modelFolder, temporaryFolder } from '../model-folder.ts';
import { tinyModel } from '../tiny-model.ts';
import { raggedBatches } from './batches.ts';

const model = tinyModel(9, { num_hidden_layers: 3, intermediate_size: 37 });
const settings = { threads: 1, maxTokensPerMicroBatch: 20, schedule: { kind: 'linear', totalSteps: 9 } } as const;
const batches = raggedBatches();

/** Ranks in this process. */
async function openRanks(numRanks: number, options: ParallelOptions) {
  const procs = await thisHost().spawnProcs({ kind: 'inline', perHost: { rank: numRanks } });
  const trainer = await ParallelTrainer.open(procs, { ...settings, ...options });
  return {
    trainer,
    [Symbol.asyncDispose]: async () => {
      await trainer[Symbol.asyncDispose]();
      await procs.stop();
    },
  };
}

test.each([
  { strategy: 'fullyShard', numRanks: 3, lora: undefined },
  { strategy: 'pipeline', numRanks: 2, lora: undefined },
  { strategy: 'fullyShard', numRanks: 2, lora: { rank: 2 } },
] as const)(
  'a checkpoint of ranks is that of one process, byte for byte, and any ranks go on from it: $strategy, adapters: $lora',
  async ({ strategy, numRanks, lora }) => {
    await using folder = await modelFolder(model);
    await using saved = await temporaryFolder();
    const options = { model: folder.path, ...(lora && { lora }) };
    const [ofRanks, ofOne] = ['ranks', 'one'].map((name) => join(saved.path, name)) as [string, string];
    await using alone = await openTraining(model, { ...settings, recompute: true, ...(lora && { lora }) });
    {
      await using ranks = await openRanks(numRanks, { ...options, strategy });
      for (const { inputs, targets } of batches.slice(0, 2)) {
        await ranks.trainer.trainStep(inputs, targets);
        await trainStep(alone, { inputs, targets });
      }
      await ranks.trainer.saveCheckpoint(ofRanks);
    }
    await saveCheckpoint(ofOne, alone, folder.path);
    const files = (await readdir(ofOne)).toSorted();
    expect((await readdir(ofRanks)).toSorted()).toEqual(files);
    for (const file of files)
      expect(await readFile(join(ofRanks, file)), file).toEqual(await readFile(join(ofOne, file)));
    expect((await readdir(saved.path)).toSorted()).toEqual(['one', 'ranks']);

    const [, , next] = batches;
    const expected = await trainStep(alone, next!);
    await using resumed = await openTraining(model, { ...settings, recompute: true, ...(lora && { lora }) });
    await loadCheckpoint(ofRanks, resumed);
    expect(await trainStep(resumed, next!)).toEqual(expected);
    for (const other of [
      { strategy: 'pipeline', numRanks: 3 },
      { strategy: 'fullyShard', numRanks: 2 },
    ] as const) {
      const ranks = await openRanks(other.numRanks, { ...options, strategy: other.strategy, recompute: true });
      await using _ = ranks;
      await ranks.trainer.loadCheckpoint(ofRanks);
      expect(await ranks.trainer.steps()).toBe(2);
      expect(await ranks.trainer.trainStep(next!.inputs, next!.targets)).toEqual(expected);
      expect(compare(await ranks.trainer.getWeights(), alone.weights).worst).toBe(0);
    }
  },
);

test('saved weights are a model folder that opens to the same weights, adapters merged', async () => {
  await using folder = await modelFolder(model);
  await using saved = await temporaryFolder();
  const [{ inputs, targets }] = batches as [(typeof batches)[number]];
  for (const lora of [undefined, { rank: 2 }]) {
    await using ranks = await openRanks(3, { model: folder.path, strategy: 'fullyShard', ...(lora && { lora }) });
    await ranks.trainer.trainStep(inputs, targets);
    await ranks.trainer.saveWeights(saved.path);
    const weights = await ranks.trainer.getWeights();
    const merged = lora === undefined ? weights : mergeLora(model.config, weights, lora);
    const opened = await loadWeights(saved.path, await loadConfig(saved.path));
    expect(compare(opened, merged).worst).toBe(0);
    await ranks.trainer.saveWeights(saved.path, 'bfloat16');
    expect((await loadConfig(saved.path)).storedDType).toBe('bfloat16');
    // Half a unit of 8 bits of weights of about 0.02, and of norms of 1.
    expect(compare(await loadWeights(saved.path, await loadConfig(saved.path)), merged).worst).toBeLessThan(2 ** -8);
  }
});

test('a checkpoint that is damaged or of another model changes nothing', async () => {
  await using folder = await modelFolder(model);
  await using other = await modelFolder(tinyModel(1));
  await using saved = await temporaryFolder();
  const path = join(saved.path, 'good');
  await using ranks = await openRanks(2, { model: folder.path, strategy: 'fullyShard' });
  const [{ inputs, targets }] = batches as [(typeof batches)[number]];
  await ranks.trainer.trainStep(inputs, targets);
  await ranks.trainer.saveCheckpoint(path);
  const before = await ranks.trainer.getWeights();
  const damaged = join(saved.path, 'damaged');
  await cp(path, damaged, { recursive: true });
  const bytes = await readFile(join(damaged, 'optimizer.safetensors'));
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(join(damaged, 'optimizer.safetensors'), bytes);
  await using others = await openRanks(2, { model: other.path, strategy: 'fullyShard' });
  for (const [trainer, bad] of [
    [ranks.trainer, damaged],
    [ranks.trainer, join(saved.path, 'missing')],
    [others.trainer, path],
  ] as const) {
    await expect(trainer.loadCheckpoint(bad)).rejects.toMatchObject({ code: 'ERR_TRAINER_CHECKPOINT' });
  }
  await expect(ranks.trainer.saveCheckpoint(join(path, 'config.json', 'below'))).rejects.toMatchObject({
    code: 'ERR_TRAINER_CHECKPOINT_SAVE',
  });
  expect(compare(await ranks.trainer.getWeights(), before).worst).toBe(0);
  expect((await ranks.trainer.trainStep(inputs, targets)).step).toBe(2);
});
