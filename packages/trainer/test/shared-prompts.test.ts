import { Random } from '@forge/tensor';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openTraining } from '../src/open-training.ts';
import type { Sequence } from '../src/packing/sequence.ts';
import type { TrainingOptions } from '../src/training-options.ts';
import { compare } from './golden-model.ts';
import { tinyModel } from './tiny-model.ts';

const model = tinyModel(1);

/** Groups of completions of 1 to 12 tokens after prompts of 1 to 20, in a random order, and sequences without a group. */
function ragged(seed: string): Sequence[] {
  const random = new Random(seed);
  const ids = (length: number): number[] => Array.from({ length }, () => random.integer(model.config.vocabSize));
  const group = (size: number): Sequence[] => {
    const promptIds = ids(1 + random.integer(20));
    return Array.from({ length: size }, () => ({ promptIds, tokenIds: ids(1 + random.integer(12)) }));
  };
  return [5, 1, 3, 8, 1, 2].flatMap(group).toSorted((a, b) => a.tokenIds[0]! - b.tokenIds[0]!);
}

test.each([
  ['one micro-batch', {}],
  ['many micro-batches', { maxTokensPerMicroBatch: 64 }],
  ['lanes of one completion', { tokensPerRow: 1 }],
] satisfies [string, TrainingOptions][])(
  'a shared prompt gives the gradients of prompts of their own: %s',
  async (_, options) => {
    await using shared = await openTraining(model, options);
    await using unshared = await openTraining(model, { ...options, sharePrompts: false });
    await fc.assert(
      fc.asyncProperty(fc.string(), async (seed) => {
        const sequences = ragged(seed);
        const random = new Random(seed);
        const weights = sequences.map(({ tokenIds }) => Float64Array.from(tokenIds, () => random.normal()));
        const [one, many] = [shared, unshared] as const;
        one.zeroGradients();
        many.zeroGradients();
        const scores = await one.forwardBackward(sequences, weights, { temperature: 0.9 });
        const expected = await many.forwardBackward(sequences, weights, { temperature: 0.9 });
        for (const kind of ['logProbs', 'entropy'] as const) {
          const far = scores[kind].flatMap((row, b) =>
            Array.from(row, (value, t) => Math.abs(value - expected[kind][b]![t]!)),
          );
          expect(Math.max(...far)).toBeLessThan(1e-5);
        }
        // Gradients are sums over up to 240 tokens here: 1e-5 of the largest.
        const largest = Math.max(...Object.values(many.gradients).flatMap(({ data }) => Array.from(data, Math.abs)));
        expect(compare(one.gradients, many.gradients).worst).toBeLessThan(1e-5 * Math.max(1, largest));
      }),
      { numRuns: 6 },
    );
  },
);

test('tokens that are masked out have numbers of 0, and the others theirs', async () => {
  const sequences = ragged('masked');
  const masks = sequences.map(({ tokenIds }) => tokenIds.map((_, t) => (t % 3 === 1 ? 1 : 0)));
  await using training = await openTraining(model);
  const all = await training.forward(sequences);
  const some = await training.forward(sequences, { masks });
  for (const [b, row] of some.logProbs.entries()) {
    for (const [t, value] of row.entries()) expect(value).toBeCloseTo(masks[b]![t]! * all.logProbs[b]![t]!, 5);
  }
});
