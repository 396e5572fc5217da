import { Random } from '@forge/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { drawAllowedFromBlocks } from '../../src/sampling/allowed-blocks.ts';
import { Sampler } from '../../src/sampling/sampler.ts';
import { resolveSamplingParams, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import type { SoftmaxBlocks } from '../../src/sampling/softmax-blocks.ts';

const width = 64;
const vocabSize = 4 * width;

/** In float32, as the graph gives them. */
function blocksOf(logits: Float32Array, temperature: number): SoftmaxBlocks {
  const best = Math.max(...logits);
  const sums = Array.from({ length: vocabSize / width }, (_, block) =>
    logits
      .subarray(block * width, (block + 1) * width)
      .reduce((sum, logit) => sum + Math.exp((logit - best) / temperature), 0),
  );
  return { best: Float32Array.of(best), sums_K: Float32Array.from(sums) };
}
const bitsWithout = (ids: readonly number[]) => {
  const bits = new Uint32Array(vocabSize / 32).fill(0xffffffff);
  for (const id of ids) bits[id >>> 5]! &= ~(1 << (id & 31));
  return bits;
};
const logits = fc
  .array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: vocabSize, maxLength: vocabSize })
  .map((values) => Float32Array.from(values));
/** Few tokens, or a whole block of them. */
const leftOut = fc.oneof(
  fc.uniqueArray(fc.nat(vocabSize - 1), { maxLength: vocabSize / 4 }),
  fc.nat(3).map((block) => Array.from({ length: width }, (_, at) => block * width + at)),
);
const temperatures = fc.constantFrom(0.5, 1, 2);

describe('a token of nearly all of a large vocabulary', () => {
  test('is drawn where its share lies among those that are allowed, up to the rounding of float32', () => {
    let numDrawn = 0;
    fc.assert(
      fc.property(logits, leftOut, temperatures, fc.nat(), (values_V, ids, temperature, seed) => {
        const draw = { bits: bitsWithout(ids), temperature, random: new Random(seed) };
        const token = drawAllowedFromBlocks(values_V, blocksOf(values_V, temperature), draw);
        if (token === undefined) return;
        numDrawn++;
        expect(ids).not.toContain(token);
        const best = Math.max(...values_V);
        const weights = Array.from(values_V, (value, id) =>
          ids.includes(id) ? 0 : Math.exp((value - best) / temperature),
        );
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const before = weights.slice(0, token).reduce((sum, weight) => sum + weight, 0);
        const mass = new Random(seed).uniform() * total;
        expect(mass).toBeGreaterThan(before - 1e-4);
        expect(mass).toBeLessThan(before + weights[token]! + 1e-4);
      }),
    );
    expect(numDrawn).toBeGreaterThan(30);
  });

  test('is left to others, and no random number is taken, where those left out hold most of the probability', () => {
    const values_V = new Float32Array(vocabSize);
    values_V[7] = 20;
    const random = new Random(1);
    const ask = (ids: readonly number[]) =>
      drawAllowedFromBlocks(values_V, blocksOf(values_V, 1), { bits: bitsWithout(ids), temperature: 1, random });
    expect(ask([7])).toBeUndefined();
    expect(ask(Array.from({ length: vocabSize / 4 + 1 }, (_, at) => 100 + at))).toBeUndefined();
    expect(random.uniform()).toBe(new Random(1).uniform());
    expect(ask([8])).toBe(7);
  });

  test.each<SamplingParams>([{}, { topLogProbs: 3 }, { logProbs: 'raw' }, { temperature: 0 }, { logProbs: 'sampled' }])(
    'is the one that is drawn from the whole vocabulary, with the same log-probability: %j',
    (request) => {
      let numEqual = 0;
      let numAll = 0;
      fc.assert(
        fc.property(logits, leftOut, fc.nat(), (values_V, ids, seed) => {
          const params = resolveSamplingParams(request);
          const allowed = { mask: bitsWithout(ids), isEnd: false, endIds: new Set<number>() };
          const draw = (blocks?: SoftmaxBlocks) =>
            new Sampler(vocabSize).sample({ values_V, blocks }, params, {
              promptIds: [],
              tokenIds: [],
              random: new Random(seed),
              allowed,
            });
          const [whole, blocked] = [draw(), draw(blocksOf(values_V, 1))];
          numAll++;
          if (blocked.tokenId !== whole.tokenId) return; // a draw at the edge of two tokens
          numEqual++;
          expect(blocked.logProb).toBeCloseTo(whole.logProb, 4);
        }),
      );
      expect(numEqual / numAll).toBeGreaterThan(0.97);
    },
  );
});
