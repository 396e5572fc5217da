import { thisHost } from '@forge/monarch';
import { expect, test } from 'vitest';
import { openTraining } from '../../src/open-training.ts';
import { ParallelTrainer } from '../../src/parallel/parallel-trainer.ts';
import type { Strategy } from '../../src/parallel/rank-engine.ts';
import { trainStep } from '../../src/train-step.ts';
import type { ModelWeights, TrainingOptions } from '../../src/training-options.ts';
import { compare } from '../golden-model.ts';
import { modelFolder } from '../model-folder.ts';
import { tinyModel } from '../tiny-model.ts';
import { raggedBatches } from './batches.ts';

const tied = tinyModel(8);
/** Sizes that no number of ranks divides. */
const uneven = tinyModel(3, {
  num_hidden_layers: 3,
  intermediate_size: 37,
  vocab_size: 29,
  tie_word_embeddings: false,
});

/** Many micro-batches, of which the last round has too few. */
const settings = {
  temperature: 0.9,
  threads: 1,
  maxTokensPerMicroBatch: 20,
  optimizer: { learningRate: 1e-3 },
} as const;

interface Case {
  readonly title: string;
  readonly model?: ModelWeights;
  readonly strategy: Strategy;
  readonly numRanks: number;
  readonly kind?: 'process' | 'inline';
  readonly env?: Readonly<Record<string, string>>;
  readonly options?: TrainingOptions;
}

const frozen = [
  { match: 'model.layers.0.*', frozen: true },
  { match: '*embed*', frozen: true },
  { match: '*norm.weight', weightDecay: 0.2, learningRate: 3e-3 },
];

const allButNorm = [
  { match: 'model.layers.*', frozen: true },
  { match: '*embed*', frozen: true },
];

test.each<Case>([
  { title: 'of the whole model', strategy: 'dataParallel', numRanks: 2 },
  { title: 'of the whole model', strategy: 'dataParallel', numRanks: 5, model: uneven },
  { title: 'layer by layer', strategy: 'dataParallel', numRanks: 3, options: { recompute: true } },
  { title: 'tied', strategy: 'fullyShard', numRanks: 1 },
  { title: 'tied', strategy: 'fullyShard', numRanks: 2 },
  { title: 'untied, of uneven sizes', strategy: 'fullyShard', numRanks: 3, model: uneven },
  { title: 'in frames', strategy: 'fullyShard', numRanks: 2, kind: 'process', env: { FORGE_MEMORY: 'frames' } },
  { title: 'with adapters', strategy: 'fullyShard', numRanks: 3, options: { lora: { rank: 2 } } },
  { title: 'frozen in parts', strategy: 'fullyShard', numRanks: 3, options: { parameterGroups: frozen } },
  { title: 'with an entropy bonus', strategy: 'fullyShard', numRanks: 2, options: { entropyBonus: 0.01 } },
  { title: 'tied', strategy: 'pipeline', numRanks: 2, kind: 'process' },
  { title: 'untied, of uneven sizes', strategy: 'pipeline', numRanks: 3, model: uneven },
  { title: 'tied, of 5 layers', strategy: 'pipeline', numRanks: 4, model: tinyModel(2, { num_hidden_layers: 5 }) },
  { title: 'with adapters', strategy: 'pipeline', numRanks: 2, options: { lora: { rank: 2 } } },
  { title: 'frozen in parts', strategy: 'pipeline', numRanks: 3, model: uneven, options: { parameterGroups: frozen } },
  {
    title: 'of which the head is trained',
    strategy: 'pipeline',
    numRanks: 2,
    options: { parameterGroups: allButNorm },
  },
])(
  '$strategy over $numRanks ranks, $title: the numbers of one, bit for bit',
  async ({ model = tied, strategy, numRanks, kind = 'inline', env = {}, options = {} }) => {
    const isLayered = strategy !== 'dataParallel' || options.recompute === true;
    await using folder = await modelFolder(model);
    await using alone = await openTraining(model, { ...settings, ...options, recompute: isLayered });
    await using procs = await thisHost().spawnProcs({ kind, perHost: { rank: numRanks }, env });
    await using together = await ParallelTrainer.open(procs, { ...settings, ...options, model: folder.path, strategy });
    for (const { inputs, targets } of raggedBatches()) {
      const expected = await trainStep(alone, { inputs, targets }, settings);
      expect(await together.trainStep(inputs, targets)).toEqual(expected);
    }
    expect(compare(await together.getWeights(), alone.weights).worst).toBe(0);
  },
);
