import { Random } from '@forge/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AllowedIds, type AllowedTokens } from '../../src/sampling/allowed-tokens.ts';
import { Sampler } from '../../src/sampling/sampler.ts';
import { resolveSamplingParams } from '../../src/sampling/sampling-params.ts';

const vocabSize = 70;
const maskOf = (ids: readonly number[]) => {
  const mask = new Uint32Array(Math.ceil(vocabSize / 32));
  for (const id of ids) mask[id >>> 5]! |= 1 << (id & 31);
  return mask;
};
const onlyThese = (ids: readonly number[]): AllowedTokens => ({ mask: maskOf(ids), isEnd: false, endIds: new Set() });
const someIds = fc.uniqueArray(fc.nat(vocabSize - 1), { minLength: 1 });

describe('the tokens that are allowed', () => {
  test('are those of the mask in order, and those that end a completion only where it may end', () => {
    fc.assert(
      fc.property(someIds, fc.uniqueArray(fc.nat(vocabSize + 500)), fc.boolean(), (ids, ends, isEnd) => {
        const list = new AllowedIds(vocabSize).of({ mask: maskOf(ids), isEnd, endIds: new Set(ends) });
        const expected = new Set([...ids.filter((id) => !ends.includes(id)), ...(isEnd ? ends : [])]);
        expect([...list]).toEqual([...expected].filter((id) => id < vocabSize).sort((a, b) => a - b));
      }),
    );
  });

  test('are drawn as if the logits of the others were -Infinity; log-probabilities of the model stay', () => {
    const logits = fc.array(fc.float({ min: -20, max: 20, noNaN: true }), {
      minLength: vocabSize,
      maxLength: vocabSize,
    });
    const options = fc.record({
      temperature: fc.constantFrom(0, 0.5, 1, 2),
      topK: fc.constantFrom(0, 1, 5),
      topP: fc.constantFrom(0.5, 1),
      minP: fc.constantFrom(0, 0.1),
      repetitionPenalty: fc.constantFrom(1, 1.5),
      frequencyPenalty: fc.constantFrom(0, 1),
      logProbs: fc.constantFrom('policy', 'sampled', 'raw'),
      topLogProbs: fc.constantFrom(0, 3),
    });
    fc.assert(
      fc.property(logits, someIds, options, fc.nat(), (values, ids, given, seed) => {
        const sampler = new Sampler(vocabSize);
        const params = resolveSamplingParams(given as object);
        const history = { promptIds: [1, 2], tokenIds: [2, 3] };
        const values_V = Float32Array.from(values);
        const draw = (logits_V: Float32Array, allowed?: AllowedTokens) =>
          sampler.sample({ values_V: logits_V }, params, { ...history, random: new Random(seed), allowed });
        const sample = draw(values_V, onlyThese(ids));
        const masked = draw(values_V.map((value, id) => (ids.includes(id) ? value : Number.NEGATIVE_INFINITY)));
        expect(ids).toContain(sample.tokenId);
        expect(sample.tokenId).toBe(masked.tokenId);
        if (params.logProbs === 'sampled') expect(sample).toEqual(masked);
        else {
          const temperature = params.logProbs === 'raw' || params.temperature === 0 ? 1 : params.temperature;
          const sum = values_V.reduce((total, value) => total + Math.exp(value / temperature), 0);
          expect(sample.logProb).toBeCloseTo(values_V[sample.tokenId]! / temperature - Math.log(sum), 4);
        }
      }),
    );
  });
});
