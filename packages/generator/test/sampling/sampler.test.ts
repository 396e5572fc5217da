import { readFileSync } from 'node:fs';
import { Random } from '@forge/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LogitsError } from '../../src/errors.ts';
import { Sampler } from '../../src/sampling/sampler.ts';
import { resolveSamplingParams, type SamplingParams } from '../../src/sampling/sampling-params.ts';

interface Golden {
  /** `"-inf"` stands for the number that JSON cannot write. */
  readonly logits: readonly (readonly (number | '-inf')[])[];
  readonly previous_ids: readonly (readonly number[])[];
  readonly cases: readonly GoldenCase[];
}
interface GoldenCase {
  readonly logits: number;
  readonly temperature?: number | null;
  readonly top_k?: number | null;
  readonly top_p?: number | null;
  readonly min_p?: number | null;
  readonly repetition_penalty?: number | null;
  readonly kept: readonly number[];
  readonly probabilities: readonly number[];
}

const golden: Golden = JSON.parse(readFileSync(new URL('../golden/sampling.json', import.meta.url), 'utf8'));

function paramsOf({ temperature, top_k, top_p, min_p, repetition_penalty }: GoldenCase) {
  return resolveSamplingParams({
    temperature: temperature ?? 1,
    topK: top_k ?? 0,
    topP: top_p ?? 1,
    minP: min_p ?? 0,
    repetitionPenalty: repetition_penalty ?? 1,
  });
}

const none = { promptIds: [], tokenIds: [] };
const logSoftmax = (logits: readonly number[], temperature: number) => {
  const best = Math.max(...logits);
  const sum = logits.reduce((total, logit) => total + Math.exp((logit - best) / temperature), 0);
  return logits.map((logit) => (logit - best) / temperature - Math.log(sum));
};

describe('probabilities', () => {
  test('are those of transformers in all 320 cases', () => {
    expect(golden.cases).toHaveLength(320);
    for (const [number, wanted] of golden.cases.entries()) {
      const written = golden.logits[wanted.logits]!;
      const logits = Float32Array.from(written, (value) => (value === '-inf' ? Number.NEGATIVE_INFINITY : value));
      const previous = golden.previous_ids[wanted.logits]!;
      const actual = new Sampler(logits.length).probabilities(logits, paramsOf(wanted), {
        promptIds: previous,
        tokenIds: [],
      });
      const expected = new Float64Array(logits.length);
      wanted.kept.forEach((id, at) => {
        expected[id] = wanted.probabilities[at]!;
      });
      const kept = new Set(wanted.kept);
      for (const [id, probability] of actual.entries()) {
        if (!kept.has(id)) expect(probability, `token ${id} of case ${number}`).toBe(0);
        // A kept token may be so improbable that float32, in which the expectations were made, or float64 has no number for it.
        else if (expected[id]! > 1e-30) expect(probability, `token ${id} of case ${number}`).toBeGreaterThan(0);
      }
      const worst = Math.max(...actual.map((probability, id) => Math.abs(probability - expected[id]!)));
      expect(worst, `case ${number}`).toBeLessThan(1e-6);
    }
  });

  const logits = fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 1, maxLength: 40 });

  test('top-k keeps exactly the tokens not below the k-th best, ties included', () => {
    fc.assert(
      fc.property(logits, fc.integer({ min: 1, max: 50 }), (values, topK) => {
        const probabilities = new Sampler(values.length).probabilities(
          Float32Array.from(values),
          resolveSamplingParams({ topK }),
          none,
        );
        const threshold = values.toSorted((a, b) => b - a)[Math.min(topK, values.length) - 1]!;
        expect([...probabilities].map((p) => p > 0)).toEqual(values.map((value) => value >= threshold));
      }),
    );
  });

  test('top-p keeps the best tokens in order, and no more than it needs to reach p', () => {
    fc.assert(
      fc.property(logits, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (values, topP) => {
        const sampler = new Sampler(values.length);
        const all = sampler.probabilities(Float32Array.from(values), resolveSamplingParams(), none);
        const kept = sampler.probabilities(Float32Array.from(values), resolveSamplingParams({ topP }), none);
        const order = [...all.keys()].sort((a, b) => all[b]! - all[a]! || a - b);
        const numKept = kept.filter((p) => p > 0).length;
        expect(order.map((id) => kept[id]! > 0)).toEqual(order.map((_, at) => at < numKept));
        const mass = (count: number) => order.slice(0, count).reduce((sum, id) => sum + all[id]!, 0);
        expect(mass(numKept)).toBeGreaterThan(topP - 1e-9);
        expect(mass(numKept - 1)).toBeLessThan(topP + 1e-9);
      }),
    );
  });
});

describe('sample', () => {
  const logits = [2, -1, 0.5, 2, 1, Number.NEGATIVE_INFINITY];
  const draw = (params: SamplingParams, seed = 1, previousIds: readonly number[] = []) =>
    new Sampler(logits.length).sample({ values_V: Float32Array.from(logits) }, resolveSamplingParams(params), {
      promptIds: previousIds,
      tokenIds: [],
      random: new Random(seed),
    });

  test('greedy takes the lower id of two equals, with its log-probability at temperature 1', () => {
    const sample = draw({ temperature: 0, topK: 1 });
    expect(sample.tokenId).toBe(0);
    expect(sample.logProb).toBeCloseTo(logSoftmax(logits, 1)[0]!, 12);
    expect(draw({ temperature: 0, logProbs: 'sampled' }).logProb).toBe(0);
  });

  test('the smallest temperature there is takes the best tokens', () => {
    const { tokenId, logProb } = draw({ temperature: Number.MIN_VALUE });
    expect([0, 3]).toContain(tokenId);
    expect(logProb).toBeCloseTo(-Math.log(2), 12);
  });

  test('greedy obeys the repetition penalty', () => {
    expect(draw({ temperature: 0, repetitionPenalty: 4 }, 1, [0, 3, 0]).tokenId).toBe(4);
  });

  test('the policy log-probability ignores penalty and filters, but not the temperature', () => {
    const expected = logSoftmax(logits, 0.7);
    for (let seed = 0; seed < 50; seed++) {
      const { tokenId, logProb } = draw({ temperature: 0.7, topK: 3, repetitionPenalty: 1.3 }, seed, [0]);
      expect(logProb).toBeCloseTo(expected[tokenId]!, 12);
    }
  });

  test('the sampled log-probability is of the distribution drawn from', () => {
    const params: SamplingParams = { temperature: 0.7, topK: 3, repetitionPenalty: 1.3, logProbs: 'sampled' };
    const probabilities = new Sampler(logits.length).probabilities(
      Float32Array.from(logits),
      resolveSamplingParams(params),
      { promptIds: [0], tokenIds: [] },
    );
    for (let seed = 0; seed < 50; seed++) {
      const { tokenId, logProb } = draw(params, seed, [0]);
      expect(logProb).toBeCloseTo(Math.log(probabilities[tokenId]!), 12);
    }
  });

  test('the best tokens are reported with log-probabilities of the kind that was asked for', () => {
    const shaped: SamplingParams = { temperature: 0.5, repetitionPenalty: 2, topK: 2, topLogProbs: 3 };
    const top = (params: SamplingParams) => draw({ ...shaped, ...params }, 1, [0]).topLogProbs;
    const ranked = [0, 3, 4]; // of the logits as they are
    for (const [kind, temperature] of [
      ['policy', 0.5],
      ['raw', 1],
    ] as const) {
      const expected = logSoftmax(logits, temperature);
      expect(top({ logProbs: kind }).map(({ tokenId }) => tokenId)).toEqual(ranked);
      for (const { tokenId, logProb } of top({ logProbs: kind })) expect(logProb).toBeCloseTo(expected[tokenId]!, 12);
    }
    const sampled = top({ logProbs: 'sampled' });
    expect(sampled.map(({ tokenId }) => tokenId)).toEqual([3, 0, 4]); // the penalty brings 0 down to 4, a tie at the cut
    expect(sampled.reduce((sum, { logProb }) => sum + Math.exp(logProb), 0)).toBeCloseTo(1, 12);
    expect(draw({ temperature: 0, topLogProbs: 5, logProbs: 'sampled' }).topLogProbs).toEqual([
      { tokenId: 0, logProb: 0 },
    ]);
    expect(draw({ topLogProbs: 6 }).topLogProbs).toHaveLength(5); // -Infinity is no candidate
    expect(draw({}).topLogProbs).toEqual([]);
  });

  test('the raw log-probability ignores the temperature, too', () => {
    const expected = logSoftmax(logits, 1);
    for (let seed = 0; seed < 20; seed++) {
      const { tokenId, logProb } = draw({ temperature: 0.7, topK: 3, logProbs: 'raw' }, seed, [0]);
      expect(logProb).toBeCloseTo(expected[tokenId]!, 12);
    }
  });

  test('tokens come as often as they should', () => {
    const sampler = new Sampler(logits.length);
    const random = new Random(7);
    const params = resolveSamplingParams({ temperature: 1.5, topP: 0.95 });
    const probabilities = sampler.probabilities(Float32Array.from(logits), params, none);
    const numDraws = 20_000;
    const counts = new Float64Array(logits.length);
    for (let at = 0; at < numDraws; at++) {
      counts[sampler.sample({ values_V: Float32Array.from(logits) }, params, { ...none, random }).tokenId]!++;
    }
    let chiSquare = 0;
    for (const [id, probability] of probabilities.entries()) {
      if (probability === 0) expect(counts[id]).toBe(0);
      else chiSquare += (counts[id]! - numDraws * probability) ** 2 / (numDraws * probability);
    }
    expect(chiSquare).toBeLessThan(18.5); // 0.1 % point for 4 degrees of freedom; the seed is fixed
  });

  test('the same seed gives the same token, whatever was drawn before', () => {
    const sampler = new Sampler(logits.length);
    const params = resolveSamplingParams({ topK: 4 });
    const once = (seed: number) =>
      sampler.sample({ values_V: Float32Array.from(logits) }, params, { ...none, random: new Random(seed) });
    const first = [1, 2, 3, 4, 5].map(once);
    expect([5, 4, 3, 2, 1].map(once).reverse()).toEqual(first);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('a logit of %d is an error, not a token', (broken) => {
    const sampler = new Sampler(3);
    const context = { ...none, random: new Random(0) };
    for (const temperature of [0, 1]) {
      const params = resolveSamplingParams({ temperature });
      expect(() => sampler.sample({ values_V: Float32Array.of(0, broken, 1) }, params, context)).toThrow(LogitsError);
    }
  });
});
