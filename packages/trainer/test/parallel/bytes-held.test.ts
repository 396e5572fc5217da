import { parameters } from '@forge/models';
import { thisHost } from '@forge/monarch';
import { elementCount } from '@forge/tensor';
import { expect, test } from 'vitest';
import { ParallelTrainer } from '../../src/parallel/parallel-trainer.ts';
import { partOf } from '../../src/passes/parts.ts';
import { modelFolder } from '../model-folder.ts';
import { tinyModel } from '../tiny-model.ts';
import { raggedBatches } from './batches.ts';

const model = tinyModel(4, { num_hidden_layers: 8 });
const [{ inputs, targets }] = raggedBatches() as [ReturnType<typeof raggedBatches>[number]];

/** Bytes of float32 weights, each filled up to whole cache lines. */
const bytesOf = (isCounted: (name: string) => boolean): number =>
  parameters(model.config).reduce(
    (sum, { name, shape }) => sum + (isCounted(name) ? 64 * Math.ceil(elementCount(shape) / 16) : 0),
    0,
  );
const all = bytesOf(() => true);
const layer = bytesOf((name) => partOf(name) === 0);
const ends = bytesOf((name) => typeof partOf(name) !== 'number');
const longestRow = 4 * 64;
/** Slopes of the tokens of one micro-batch: activations, which do not grow with the model. */
const slopes = 4 * 32 * 80;

async function heldBy(strategy: 'dataParallel' | 'fullyShard' | 'pipeline', numRanks: number) {
  await using folder = await modelFolder(model);
  await using procs = await thisHost().spawnProcs({ kind: 'inline', perHost: { rank: numRanks } });
  const options = { threads: 1, maxTokensPerMicroBatch: 20, model: folder.path, strategy };
  await using trainer = await ParallelTrainer.open(procs, options);
  await trainer.trainStep(inputs, targets);
  return trainer.bytesHeld();
}

test.each([1, 3])(
  'fully sharded over %i ranks, each holds its share, and memory for two layers that come and go',
  async (numRanks) => {
    const held = await heldBy('fullyShard', numRanks);
    for (const { weights, gradients, moments, transient } of held) {
      // A cut may be off by a row in each of the parts.
      const share = all / numRanks + 10 * longestRow;
      expect(weights).toBeLessThanOrEqual(share);
      expect(gradients).toBeLessThanOrEqual(share);
      expect(moments).toBeLessThanOrEqual(2 * share);
      // Of weights and of gradients: two layers, and the ends; and what is read of another rank at a time.
      expect(transient).toBeLessThanOrEqual(2 * (2 * layer + ends) + Math.max(layer, ends) + 2 * slopes);
    }
    const sum = held.reduce((total, { weights }) => total + weights, 0);
    expect(sum).toBe(all);
  },
);

test('stages of a pipeline hold what they run, and the first of a tied model a copy of the embedding', async () => {
  const held = await heldBy('pipeline', 3);
  const copy = bytesOf((name) => partOf(name) === 'embedding');
  expect(held.reduce((total, { weights }) => total + weights, 0)).toBe(all + copy);
  expect(held.reduce((total, { moments }) => total + moments, 0)).toBe(2 * all);
  for (const { gradients } of held) expect(gradients).toBeLessThanOrEqual(4 * layer + ends);
});

test('data parallel ranks share gradients and moments', async () => {
  const held = await heldBy('dataParallel', 2);
  expect(held.reduce((total, { gradients }) => total + gradients, 0)).toBe(all);
  expect(held.reduce((total, { moments }) => total + moments, 0)).toBe(2 * all);
  for (const { weights } of held) expect(weights).toBeLessThanOrEqual(1.5 * all + 10 * longestRow);
});

test.each([
  [{ strategy: 'sharded' as 'fullyShard' }, 'strategy'],
  [{ strategy: 'pipeline' as const }, 'strategy'],
  [{ optimizer: { learningRate: -1 } }, 'optimizer.learningRate'],
])('%j is refused before anything is started', async (options, option) => {
  await using folder = await modelFolder(model);
  await using procs = await thisHost().spawnProcs({ kind: 'inline', perHost: { rank: 9 } });
  const opened = ParallelTrainer.open(procs, { ...options, model: folder.path });
  await expect(opened).rejects.toMatchObject({ code: 'ERR_TRAINER_OPTION', option });
});
