import path from 'node:path';
import { Generator } from '@forge/generator';
import { thisHost } from '@forge/monarch';
import { openStore } from '@forge/torchstore';
import { openTraining, ParallelTrainer } from '@forge/trainer';
import { expect, test } from 'vitest';
import { makeModelFolder } from './fixtures/model-folder.ts';
import { temporaryFolder } from './fixtures/temporary-folder.ts';

const folder = temporaryFolder();

test.each(['fullyShard', 'pipeline'] as const)(
  'a generator samples with the weights that ranks of a trainer have put in shards: %s',
  async (strategy) => {
    const model = makeModelFolder(path.join(folder, strategy));
    await using store = await openStore({ kind: 'inline' });
    await using procs = await thisHost().spawnProcs({ kind: 'inline', perHost: { rank: 2 } });
    const options = { model, store: store.reference, strategy, threads: 1, optimizer: { learningRate: 0.1 } };
    await using trainer = await ParallelTrainer.open(procs, options);
    await using generators = await thisHost().spawnProcs({ kind: 'inline' });
    await using generator = await generators.spawn('generator', Generator, {
      model,
      store: store.reference,
      threads: 1,
    });
    const promptIds = [5, 9, 40, 7];
    const sample = async () => {
      const [completion] = await generator.generate.callOne(promptIds, { maxTokens: 8, temperature: 1, seed: 3 });
      return completion!; // one is asked for
    };
    const before = await sample();
    await trainer.trainStep([{ promptIds, tokenIds: [1, 2, 3, 4] }], { loss: 'sft' });
    await trainer.pushWeights(1);
    await generator.updateWeights.callOne(1);
    const { tokenIds, logProbs } = await sample();
    expect(logProbs).not.toEqual(before.logProbs);

    const trained = path.join(folder, `${strategy}-trained`);
    await trainer.saveWeights(trained, 'float32');
    await using training = await openTraining(trained, { threads: 1 });
    const { logProbs: expected } = await training.forward([{ promptIds, tokenIds: [...tokenIds] }]);
    for (const [t, logProb] of logProbs.entries()) expect(logProb).toBeCloseTo(expected[0]![t]!, 4);
  },
);
