import { Random } from '@forge/tensor';
import { expect, test } from 'vitest';
import { openTraining } from '../src/open-training.ts';
import type { Sequence } from '../src/packing/sequence.ts';
import type { TrainingOptions } from '../src/training-options.ts';
import { compare, goldenModels, readGoldenModel } from './golden-model.ts';
import { tinyModel } from './tiny-model.ts';

const untied = tinyModel(5, { num_hidden_layers: 3, tie_word_embeddings: false });

function groups(): { sequences: Sequence[]; weights: number[][] } {
  const random = new Random('recompute');
  const ids = (length: number): number[] => Array.from({ length }, () => random.integer(24));
  const sequences = [ids(9), ids(14), ids(3)].flatMap((promptIds) =>
    Array.from({ length: 4 }, () => ({ promptIds, tokenIds: ids(1 + random.integer(10)) })),
  );
  return { sequences, weights: sequences.map(({ tokenIds }) => tokenIds.map(() => random.normal())) };
}

test.each([
  { threads: 1 },
  { threads: 1, maxTokensPerMicroBatch: 50 },
  {
    threads: 1,
    parameterGroups: [
      { match: 'model.layers.0.*', frozen: true },
      { match: '*embed*', frozen: true },
    ],
  },
  { threads: 1, lora: { rank: 2 } },
] satisfies TrainingOptions[])(
  'layers that are computed again have the same scores, bit for bit, and the same gradients but for rounding: %j',
  async (options) => {
    const { sequences, weights } = groups();
    for (const model of [tinyModel(4), untied]) {
      await using kept = await openTraining(model, options);
      await using again = await openTraining(model, { ...options, recompute: true });
      for (let round = 0; round < 2; round++) {
        const expected = await kept.forwardBackward(sequences, weights);
        expect(await again.forwardBackward(sequences, weights)).toEqual(expected);
        expect(await again.forward(sequences)).toEqual(await kept.forward(sequences));
      }
      // Sums of up to 100 tokens with weights around 1; onnxruntime fuses operators of one layer otherwise than of all.
      expect(compare(again.gradients, kept.gradients).worst).toBeLessThan(1e-5);
      await using repeated = await openTraining(model, { ...options, recompute: true });
      for (let round = 0; round < 2; round++) await repeated.forwardBackward(sequences, weights);
      expect(compare(repeated.gradients, again.gradients).worst).toBe(0);
    }
  },
);

test.each([
  { threads: 1 },
  { threads: 1, maxTokensPerMicroBatch: 50 },
  { threads: 1, entropyBonus: 0.1 },
  { threads: 1, parameterGroups: [{ match: '*embed*', frozen: true }] },
  { threads: 1, parameterGroups: [{ match: '*.norm.weight', frozen: true }] },
  { threads: 1, lora: { rank: 2 } },
] satisfies TrainingOptions[])(
  'a head in slices of the vocabulary has the scores and gradients of the whole one but for rounding: %j',
  async (options) => {
    const { sequences, weights } = groups();
    const given = { temperature: 0.7, ...('entropyBonus' in options && { entropyWeight: -0.3 }) };
    for (const model of [tinyModel(4), untied]) {
      await using whole = await openTraining(model, { ...options, recompute: true });
      const expected = await whole.forwardBackward(sequences, weights, given);
      // Of a few rows, and of most: they do not divide the 24.
      for (const maxLogits of [60, 700]) {
        await using sliced = await openTraining(model, { ...options, recompute: true, maxLogits });
        const scores = await sliced.forwardBackward(sequences, weights, given);
        for (const name of ['logProbs', 'entropy'] as const) {
          for (const [b, row] of scores[name].entries())
            for (const [t, value] of row.entries()) expect(value).toBeCloseTo(expected[name][b]![t]!, 5);
        }
        expect(await sliced.forward(sequences, given)).toEqual(scores);
        expect(compare(sliced.gradients, whole.gradients).worst).toBeLessThan(1e-5);
      }
    }
  },
);

test.each(goldenModels)('%s has the gradient of PyTorch when its layers are computed again', async (name) => {
  const golden = await readGoldenModel(name);
  await using training = await openTraining(golden.folder, { recompute: true, maxLogits: 100 });
  const tokens = golden.sequences.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  await training.forwardBackward(
    golden.sequences,
    golden.sequences.map(({ tokenIds }) => tokenIds.map(() => -1 / tokens)),
  );
  expect(compare(training.gradients, golden.gradients).worst).toBeLessThan(1e-5);
});
