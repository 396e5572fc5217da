import { scoringGraph } from '@forge/models';
import { openSession } from '@forge/onnx';
import { Random, type Tensor, tensor } from '@forge/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Completion } from '../../src/engine/completion.ts';
import { Runner } from '../../src/runner/runner.ts';
import type { SamplingParams } from '../../src/sampling/sampling-params.ts';
import { generate, loadGolden, type ModelName, openEngine } from '../golden-models.ts';

const model: ModelName = 'qwen3_tied';
const vocabSize = 128;
const prompts: readonly (readonly number[])[] = [
  [4, 29, 98],
  [39, 81, 115, 100, 46, 101, 69],
  [75],
  [13, 41, 125, 82, 97],
];
const sampled = (seed: number, more: SamplingParams = {}): SamplingParams => ({ maxTokens: 20, seed, ...more });

/** Equal in everything but when it ran and what it could reuse; log-probabilities up to the order of float32 sums. */
function expectSame(actual: readonly Completion[], wanted: readonly Completion[]): void {
  expect(actual.map(({ tokenIds }) => tokenIds)).toEqual(wanted.map(({ tokenIds }) => tokenIds));
  expect(actual.map(({ text }) => text)).toEqual(wanted.map(({ text }) => text));
  for (const [at, { logProbs }] of actual.entries()) expectClose(logProbs, wanted[at]!.logProbs);
}

function expectClose(actual: ArrayLike<number>, wanted: ArrayLike<number>): void {
  expect(actual).toHaveLength(wanted.length);
  for (let at = 0; at < wanted.length; at++) expect(Math.abs(actual[at]! - wanted[at]!)).toBeLessThan(1e-5);
}

describe('equalities', () => {
  test('batched = alone', async () => {
    await using together = await openEngine(model);
    await using alone = await openEngine(model, { maxSequences: 1 });
    const batched = await Promise.all(prompts.map((ids, at) => generate(together, ids, sampled(at))));
    for (const [at, ids] of prompts.entries()) expectSame(batched[at]!, await generate(alone, ids, sampled(at)));
  });

  test('cached = uncached: every token has the log-probability that a prefill of all before it gives', async () => {
    await using engine = await openEngine(model);
    const { config, weights } = await loadGolden(model);
    await using runner = await Runner.open(config, weights, { threads: 1 });
    const [completion] = await generate(engine, prompts[1]!, sampled(3, { maxTokens: 70, temperature: 0.8 }));
    for (const [at, id] of completion!.tokenIds.entries()) {
      const promptIds = [...prompts[1]!, ...completion!.tokenIds.slice(0, at)];
      await runner.prefill([{ ids: promptIds.slice(0, -1), slots: [0] }], { numSlots: 1, longest: promptIds.length });
      const [logits] = await runner.decode([{ nextId: promptIds.at(-1)!, numTokens: promptIds.length }]);
      const { values_V } = logits!;
      const sum = values_V.reduce((total, logit) => total + Math.exp(logit / 0.8), 0);
      expectClose([completion!.logProbs[at]!], [values_V[id]! / 0.8 - Math.log(sum)]);
    }
  });

  test('prefix shared = not shared', async () => {
    await using sharing = await openEngine(model, { maxSequences: 8 });
    await using separate = await openEngine(model, { maxSequences: 1 });
    const shared = await generate(sharing, prompts[1]!, sampled(5, { n: 6 }));
    const recomputed = await generate(separate, prompts[1]!, sampled(5, { n: 6 }));
    expectSame(shared, recomputed);
    expect(shared.map(({ numCachedTokens }) => numCachedTokens)).toEqual([0, 6, 6, 6, 6, 6]);
    expect(recomputed.map(({ numCachedTokens }) => numCachedTokens)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(new Set(shared.map(({ text }) => text)).size).toBeGreaterThan(1);
  });

  test('a group that has to wait for slots = one that has not', async () => {
    await using wide = await openEngine(model, { maxSequences: 8 });
    await using narrow = await openEngine(model, { maxSequences: 2 });
    const params = sampled(6, { n: 6, stopTokenIds: Array.from({ length: 12 }, (_, at) => 10 * at) });
    const late = await generate(narrow, prompts[1]!, params);
    expectSame(late, await generate(wide, prompts[1]!, params));
    expect(late.slice(2).map(({ numCachedTokens }) => numCachedTokens)).toContain(6); // those of a member that runs
  });

  test('a seeded request gives the same text whatever joins, leaves or runs beside it', async () => {
    await using alone = await openEngine(model);
    const params = sampled(11, { n: 3, temperature: 0.9, topK: 40, topP: 0.95, repetitionPenalty: 1.1 });
    const wanted = await generate(alone, prompts[0]!, params);
    const request = fc.record({
      prompt: fc.constantFrom(...prompts),
      n: fc.integer({ min: 1, max: 3 }),
      maxTokens: fc.integer({ min: 1, max: 30 }),
      wait: fc.integer({ min: 0, max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 6 }), fc.nat(6), async (others, position) => {
        await using engine = await openEngine(model, { maxSequences: 4, maxPrefillTokens: 16 });
        const running: Promise<unknown>[] = [];
        let tested: Promise<readonly Completion[]> | undefined;
        for (const [at, { prompt, wait, ...params_ }] of others.entries()) {
          if (at === position) tested = generate(engine, prompts[0]!, params);
          running.push(generate(engine, prompt, params_));
          for (let turn = 0; turn < wait; turn++) await new Promise(setImmediate);
        }
        expectSame(await (tested ?? generate(engine, prompts[0]!, params)), wanted);
        await Promise.all(running);
        expect(engine.numRunning + engine.numWaiting).toBe(0);
      }),
      { numRuns: 15 },
    );
  });

  test('batch-invariant: a request has the same bits alone and beside others, after a prompt of any length', async () => {
    const runner = { threads: 1, batchInvariant: true };
    const random = new Random(7);
    const requests = [1, 1, 2, 3, 17, 33, 64, 65, 110].map((length, at) => ({
      ids: Array.from({ length }, () => random.integer(vocabSize)),
      params: sampled(at, { n: 1 + (at % 2), maxTokens: 12 }),
    }));
    const alone: (readonly Completion[])[] = [];
    for (const { ids, params } of requests) {
      await using engine = await openEngine(model, { runner, maxSequences: 1 });
      alone.push(await generate(engine, ids, params));
    }
    for (const maxPrefillTokens of [32, 4096]) {
      await using engine = await openEngine(model, { runner, maxPrefillTokens });
      const together = await Promise.all(requests.map(({ ids, params }) => generate(engine, ids, params)));
      for (const [at, completions] of together.entries()) {
        expect(completions.map(({ tokenIds }) => tokenIds)).toEqual(alone[at]!.map(({ tokenIds }) => tokenIds));
        expect(completions.map(({ logProbs }) => logProbs)).toEqual(alone[at]!.map(({ logProbs }) => logProbs));
      }
    }
  });

  test('batch-invariant needs one thread', async () => {
    await expect(openEngine(model, { runner: { threads: 2, batchInvariant: true } })).rejects.toThrow(
      'batchInvariant needs threads: 1, got 2.',
    );
  });

  test('growing the cache in the middle of a completion changes nothing', async () => {
    await using engine = await openEngine(model);
    await using large = await openEngine(model);
    await generate(large, Array(100).fill(1), sampled(0, { maxTokens: 1 })); // its cache is large from now on
    const params = sampled(2, { n: 3, maxTokens: 110 });
    expectSame(await generate(engine, prompts[3]!, params), await generate(large, prompts[3]!, params));
  });

  test.each([1, 0.7])('generator log-probs = trainer log-probs at temperature %d', async (temperature) => {
    const name: ModelName = 'qwen3_untied';
    await using engine = await openEngine(name);
    const { config, weights } = await loadGolden(name);
    await using scoring = await openSession(scoringGraph(config), { threads: 1 });
    const random = new Random(1);
    const requests = Array.from({ length: 6 }, (_, at) => {
      const ids = Array.from({ length: 1 + random.integer(12) }, () =>
        random.integer(Math.min(vocabSize, config.vocabSize)),
      );
      return generate(engine, ids, sampled(at, { temperature, maxTokens: 40, topP: 0.9, repetitionPenalty: 1.2 }));
    });
    for (const [completion] of await Promise.all(requests)) {
      const { promptIds, tokenIds, logProbs } = completion!;
      const scores = await scoring.run({ ...weights, ...scoringFeeds(promptIds, tokenIds, temperature) }, [
        'log_probs',
      ]);
      expectClose(logProbs, scores['log_probs']!.data as Float32Array);
    }
  });
});

/** One row with one segment, in which every token of the completion is picked. */
function scoringFeeds(promptIds: readonly number[], tokenIds: readonly number[], temperature: number) {
  const ids = [...promptIds, ...tokenIds];
  const int64 = (shape: readonly number[], values: readonly number[]): Tensor =>
    tensor('int64', shape, BigInt64Array.from(values, BigInt));
  return {
    input_ids: int64([1, ids.length], ids),
    position_ids: int64(
      [1, ids.length],
      ids.map((_, at) => at),
    ),
    segment_ids: int64(
      [1, ids.length],
      ids.map(() => 1),
    ),
    selected: int64(
      [tokenIds.length],
      tokenIds.map((_, at) => promptIds.length - 1 + at),
    ),
    targets: int64([tokenIds.length], tokenIds),
    temperature: tensor('float32', [], Float32Array.of(temperature)),
  };
}
