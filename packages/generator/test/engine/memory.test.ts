import { Random } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import type { Completion } from '../../src/engine/completion.ts';
import { Engine } from '../../src/engine/engine.ts';
import { Runner } from '../../src/runner/runner.ts';
import type { RunnerOptions } from '../../src/runner/runner-options.ts';
import { resolveSamplingParams, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import { decodeLetters, generate, loadGolden, type ModelName, openEngine } from '../golden-models.ts';

const model: ModelName = 'qwen3_tied';
const { config, weights } = await loadGolden(model);
const random = new Random(3);
const promptOf = (length: number) => Array.from({ length }, () => random.integer(config.vocabSize));
const same = (all: readonly (readonly Completion[])[]) =>
  all.map((completions) => completions.map(({ tokenIds, logProbs }) => ({ tokenIds, logProbs })));
/** Bits are compared, so nothing may depend on what runs beside a sequence. */
const invariant: RunnerOptions = { threads: 1, batchInvariant: true };

/** An engine whose runner can be looked at. */
async function open(options: RunnerOptions, limits: { maxSequences?: number; maxPrefillTokens?: number } = {}) {
  const runner = await Runner.open(config, weights, { ...invariant, ...options });
  const engine = new Engine({ runner, decode: decodeLetters, maxModelLength: 512, ...limits });
  return { runner, engine, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
}

describe('prefixes', () => {
  test.each([true, false])('a turn computes only what is new; batch-invariant: %s', async (batchInvariant) => {
    await using keeping = await open({ batchInvariant });
    await using forgetting = await open({ batchInvariant, prefixCaching: false });
    let ids = promptOf(40);
    let numKnown = 0;
    for (let turn = 0; turn < 4; turn++) {
      const sampling: SamplingParams = { maxTokens: 13, seed: turn };
      const [known] = await generate(keeping.engine, ids, sampling);
      const [fresh] = await generate(forgetting.engine, ids, sampling);
      expect(known?.tokenIds).toEqual(fresh?.tokenIds);
      if (batchInvariant) expect(known?.logProbs).toEqual(fresh?.logProbs);
      for (const [at, logProb] of known!.logProbs.entries()) expect(logProb).toBeCloseTo(fresh!.logProbs[at]!, 5);
      expect(fresh?.numCachedTokens).toBe(0);
      expect(known?.numCachedTokens).toBe(numKnown);
      const all = [...ids, ...known!.tokenIds];
      numKnown = Math.floor((all.length - 1) / 16) * 16;
      ids = [...all, ...promptOf(11)];
    }
  });

  test('are forgotten with the weights they were computed with', async () => {
    await using keeping = await open({});
    const ids = promptOf(50);
    await generate(keeping.engine, ids, { maxTokens: 2, seed: 1 });
    await keeping.engine.update(weights, 1, 'inFlight');
    expect((await generate(keeping.engine, ids, { maxTokens: 2, seed: 1 }))[0]?.numCachedTokens).toBe(0);
    expect((await generate(keeping.engine, ids, { maxTokens: 2, seed: 1 }))[0]?.numCachedTokens).toBe(48);
  });

  test('that are to be forgotten before they are kept are not kept', async () => {
    await using keeping = await open({});
    const ids = promptOf(20);
    const tokenIds: number[] = [];
    await keeping.engine.generate({ text: '', ids }, resolveSamplingParams({ maxTokens: 30, seed: 1 }), {
      onDelta(delta) {
        tokenIds.push(...delta.tokenIds);
        if (delta.finishReason !== undefined) keeping.engine.forget([...ids, ...tokenIds], 20);
      },
    });
    const [next] = await generate(keeping.engine, [...ids, ...tokenIds], { maxTokens: 1 });
    expect(next?.numCachedTokens).toBe(16); // whole blocks before place 20
  });

  test('of a sequence that an update met are not kept', async () => {
    await using keeping = await open({});
    const ids = promptOf(10);
    const running = generate(keeping.engine, ids, { maxTokens: 60, seed: 1 });
    while (keeping.engine.numRunning === 0) await new Promise(setImmediate);
    await keeping.engine.update(weights, 1, 'inFlight');
    const [completion] = await running;
    expect(new Set(completion!.versions).size).toBe(2);
    const [next] = await generate(keeping.engine, [...ids, ...completion!.tokenIds], { maxTokens: 1 });
    expect(next?.numCachedTokens).toBe(0);
  });
});

describe('a long prompt', () => {
  test('is computed in pieces while others go on, with the same bits', async () => {
    await using whole = await open({});
    await using pieces = await open({}, { maxPrefillTokens: 32 });
    const long = promptOf(230);
    const short = promptOf(5);
    const expected = await generate(whole.engine, long, { maxTokens: 6, seed: 2, n: 2 });
    const texts: number[] = [];
    const running = pieces.engine.generate(
      { text: '', ids: short },
      resolveSamplingParams({ maxTokens: 40, seed: 1 }),
      { onDelta: () => texts.push(pieces.engine.numWaiting) },
    );
    while (pieces.engine.numRunning === 0) await new Promise(setImmediate);
    const actual = await generate(pieces.engine, long, { maxTokens: 6, seed: 2, n: 2 });
    expect(same([actual])).toEqual(same([expected]));
    expect(actual.map(({ numCachedTokens }) => numCachedTokens)).toEqual([0, 229]);
    await running;
    // 229 tokens in pieces of 32 take eight steps, and the other sequence got a token in each of them.
    expect(texts.filter((numWaiting) => numWaiting > 0).length).toBeGreaterThanOrEqual(7);
  });

  test('that is given up in between leaves nothing behind', async () => {
    await using pieces = await open({}, { maxPrefillTokens: 16 });
    const abort = new AbortController();
    const long = generate(pieces.engine, promptOf(200), { maxTokens: 6 }, abort.signal);
    const next = generate(pieces.engine, promptOf(90), { maxTokens: 3 });
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    abort.abort(new RangeError('enough'));
    await expect(long).rejects.toThrow('enough');
    expect((await next)[0]?.tokenIds).toHaveLength(3);
  });
});

describe('memory for keys and values', () => {
  const bytesPerToken = 2 * config.numHiddenLayers * config.numKeyValueHeads * config.headDim * 4;
  const requests = Array.from({ length: 12 }, (_, at) => ({
    ids: promptOf(3 + ((at * 37) % 80)),
    sampling: { n: 1 + (at % 3), maxTokens: 20 + ((at * 29) % 60), seed: at },
  }));

  test('is never exceeded, and sequences that lose their place are the same in the end', async () => {
    await using large = await open({});
    const expected = await Promise.all(requests.map(({ ids, sampling }) => generate(large.engine, ids, sampling)));
    const kvCacheBytes = 12 * 64 * bytesPerToken;
    for (const maxPrefillTokens of [4096, 32]) {
      await using small = await open({ kvCacheBytes }, { maxPrefillTokens });
      let most = 0;
      const watch = setInterval(() => {
        most = Math.max(most, small.runner.numKvBytes);
      }, 0);
      const actual = await Promise.all(requests.map(({ ids, sampling }) => generate(small.engine, ids, sampling)));
      clearInterval(watch);
      expect(same(actual)).toEqual(same(expected));
      expect(most).toBeGreaterThan(kvCacheBytes / 2);
      expect(most).toBeLessThanOrEqual(kvCacheBytes);
      expect(small.engine.numRunning + small.engine.numWaiting).toBe(0);
    }
  });

  test('bounds the length of a sequence, and too little of it is refused', async () => {
    const kvCacheBytes = 3 * 64 * bytesPerToken;
    await using small = await openEngine(model, { runner: { kvCacheBytes } });
    const [completion] = await generate(small, promptOf(10), { maxTokens: 100 });
    expect(completion).toMatchObject({ finishReason: 'length' });
    expect(completion?.tokenIds).toHaveLength(54);
    await expect(generate(small, promptOf(64))).rejects.toMatchObject({ maxModelLength: 64 });
    await expect(openEngine(model, { runner: { kvCacheBytes: 1000 } })).rejects.toThrow(/kvCacheBytes is too small/);
    await expect(openEngine(model, { runner: { kvCacheBytes: 0.5 } })).rejects.toThrow(/kvCacheBytes is 0.5/);
  });
});

describe('priority', () => {
  test('the lower number goes first', async () => {
    await using engine = await openEngine(model, { maxSequences: 1 });
    const order: number[] = [];
    const ask = (priority: number) =>
      engine
        .generate({ text: '', ids: [1, 2] }, resolveSamplingParams({ maxTokens: 2 }), { priority })
        .then(() => order.push(priority));
    await Promise.all([5, 3, 4, 3, 1].map(ask));
    expect(order).toEqual([1, 3, 3, 4, 5]);
  });
});
