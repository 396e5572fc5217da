import { mergeLora } from '@forge/models';
import { thisHost } from '@forge/monarch';
import { openStore } from '@forge/torchstore';
import { expect, test } from 'vitest';
import { ParallelTrainer } from '../../src/parallel/parallel-trainer.ts';
import { modelFolder } from '../model-folder.ts';
import { tinyModel } from '../tiny-model.ts';
import { raggedBatches } from './batches.ts';

const [{ inputs, targets }] = raggedBatches() as [ReturnType<typeof raggedBatches>[number]];
const model = tinyModel(6, { num_hidden_layers: 3, tie_word_embeddings: false, intermediate_size: 37 });

test.each([
  { strategy: 'dataParallel', kind: 'inline', lora: undefined },
  { strategy: 'fullyShard', kind: 'process', lora: undefined },
  { strategy: 'fullyShard', kind: 'inline', lora: { rank: 2 } },
  { strategy: 'pipeline', kind: 'inline', lora: { rank: 2 } },
] as const)(
  'ranks put their shards, and readers get whole weights: $strategy, adapters: $lora',
  async ({ strategy, kind, lora }) => {
    await using folder = await modelFolder(model);
    await using store = await openStore({ kind, inlineBytes: 0 });
    await using procs = await thisHost().spawnProcs({ kind, perHost: { node: 1, rank: 3 } });
    const options = { model: folder.path, store: store.reference, threads: 1, strategy, ...(lora && { lora }) };
    await using trainer = await ParallelTrainer.open(procs, options);
    for (const version of [1, 2]) {
      await trainer.trainStep(inputs, targets);
      await trainer.pushWeights(version);
      const weights = await trainer.getWeights();
      const expected = lora === undefined ? weights : mergeLora(model.config, weights, lora);
      const stored = await store.getStateDict(`policy_ver_000000000${version}`);
      expect(Object.keys(stored).toSorted()).toEqual(Object.keys(expected).toSorted());
      for (const [name, { shape, data }] of Object.entries(expected)) {
        expect(stored[name]).toMatchObject({ dtype: 'float32', shape });
        expect((stored[name] as (typeof model.weights)[string]).data).toEqual(data);
      }
    }
    const embedding = await store.stat('policy_ver_0000000002.model.embed_tokens.weight');
    expect(embedding?.parts.length).toBe(lora === undefined ? 3 : 1);
  },
);

test('without a store pushWeights says what is missing', async () => {
  await using folder = await modelFolder(model);
  await using procs = await thisHost().spawnProcs({ kind: 'inline', perHost: { rank: 2 } });
  await using trainer = await ParallelTrainer.open(procs, { model: folder.path });
  await expect(trainer.pushWeights(1)).rejects.toMatchObject({ code: 'ERR_TRAINER_NOT_CONFIGURED', option: 'store' });
});
