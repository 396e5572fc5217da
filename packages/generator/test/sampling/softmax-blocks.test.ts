import { Random } from '@forge/tensor';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LogitsError } from '../../src/errors.ts';
import { Sampler } from '../../src/sampling/sampler.ts';
import { resolveSamplingParams, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import { drawFromBlocks, type SoftmaxBlocks, totalOf } from '../../src/sampling/softmax-blocks.ts';

/** In float32, as the graph gives them. */
function blocksOf(logits: readonly number[], width: number, temperature: number): SoftmaxBlocks {
  const best = Math.max(...logits);
  const sums = Array.from({ length: logits.length / width }, (_, block) =>
    logits
      .slice(block * width, (block + 1) * width)
      .reduce((sum, logit) => sum + Math.exp((logit - best) / temperature), 0),
  );
  return { best: Float32Array.of(best), sums_K: Float32Array.from(sums) };
}

const float = fc.float({ min: -30, max: 30, noNaN: true });
const logit = fc.oneof(
  { weight: 9, arbitrary: float },
  { weight: 1, arbitrary: fc.constant(Number.NEGATIVE_INFINITY) },
);
const vocabulary = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 8 })).chain(([width, blocks]) =>
  fc.record({
    width: fc.constant(width),
    logits: fc
      .array(logit, { minLength: width * blocks, maxLength: width * blocks })
      .filter((values) => values.some(Number.isFinite)),
  }),
);
const temperatures = fc.constantFrom(0.3, 1, 1.7);
const context = (seed: number) => ({ promptIds: [], tokenIds: [], random: new Random(seed) });

test('a token is drawn where its share of the cumulative distribution lies, up to the rounding of float32', () => {
  fc.assert(
    fc.property(
      vocabulary,
      temperatures,
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      ({ logits, width }, temperature, uniform) => {
        const blocks = blocksOf(logits, width, temperature);
        const mass = uniform * totalOf(blocks);
        const token = drawFromBlocks(Float32Array.from(logits), blocks, { temperature, mass });
        const best = Math.max(...logits);
        const weights = logits.map((value) => Math.exp((value - best) / temperature));
        const before = weights.slice(0, token).reduce((sum, weight) => sum + weight, 0);
        expect(weights[token]).toBeGreaterThan(0);
        expect(mass).toBeGreaterThan(before - 1e-5);
        expect(mass).toBeLessThan(before + weights[token]! + 1e-5);
      },
    ),
  );
});

const requests: readonly SamplingParams[] = [
  {},
  { topLogProbs: 3 },
  { logProbs: 'sampled', topLogProbs: 2 },
  { logProbs: 'raw' },
  { temperature: 0, topLogProbs: 2 },
  { temperature: 0, logProbs: 'sampled', topLogProbs: 1 },
];

test.each(requests)('what is reported of a token is what the whole vocabulary gives: %j', (request) => {
  fc.assert(
    fc.property(vocabulary, temperatures, fc.nat(), ({ logits, width }, warm, seed) => {
      const params = resolveSamplingParams({ temperature: warm, ...request });
      const values_V = Float32Array.from(logits);
      const blocks = blocksOf(logits, width, params.temperature || 1);
      const whole = new Sampler(logits.length).sample({ values_V }, params, context(seed));
      const blocked = new Sampler(logits.length).sample({ values_V, blocks }, params, context(seed));
      fc.pre(blocked.tokenId === whole.tokenId || params.temperature === 0); // a draw at the edge of two tokens
      expect(blocked.tokenId).toBe(whole.tokenId);
      expect(blocked.logProb).toBeCloseTo(whole.logProb, 5);
      expect(blocked.topLogProbs).toHaveLength(whole.topLogProbs.length);
      for (const [at, { logProb }] of blocked.topLogProbs.entries()) {
        expect(logProb).toBeCloseTo(whole.topLogProbs[at]!.logProb, 4); // of equals, either may come first
      }
    }),
  );
});

test('broken logits are refused, too', () => {
  const sampler = new Sampler(2);
  for (const broken of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const blocks = { best: Float32Array.of(broken), sums_K: Float32Array.of(1, Number.NaN) };
    const logits = { values_V: Float32Array.of(0, broken), blocks };
    expect(() => sampler.sample(logits, resolveSamplingParams({}), context(0))).toThrow(LogitsError);
  }
});
