import { setImmediate } from 'node:timers/promises';
import { Random } from '@forge/tensor';
import { expect, test } from 'vitest';
import { Engine } from '../../src/engine/engine.ts';
import { Runner } from '../../src/runner/runner.ts';
import { resolveSamplingParams, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import { decodeLetters, generate, loadGolden } from '../golden-models.ts';

/** 10,000 by hand. */
const numRequests = Number(process.env['FORGE_RANDOM_REQUESTS'] ?? 400);

const { config, weights } = await loadGolden('qwen3_tied');
/** Bits are compared, so nothing may depend on what runs beside a sequence. */
const invariant = { threads: 1, batchInvariant: true };
const random = new Random('random requests');
const idsOf = (length: number) => Array.from({ length }, () => random.integer(config.vocabSize));
/** Half of the prompts begin alike, for the prefixes that are kept. */
const start = idsOf(40);
const kinds = Array.from({ length: 24 }, (_, seed) => {
  const ids = seed % 2 === 0 ? [...start, ...idsOf(1 + random.integer(12))] : idsOf(1 + random.integer(90));
  const sampling: SamplingParams = {
    seed,
    n: 1 + random.integer(3),
    maxTokens: 1 + random.integer(40),
    ...(seed % 3 === 0 && { temperature: 0.8, topK: 20 }),
    ...(seed % 4 === 1 && { stopTokenIds: idsOf(8) }),
    ...(seed % 5 === 1 && { stop: [decodeLetters(idsOf(1)), decodeLetters(idsOf(1)), decodeLetters(idsOf(1))] }),
  };
  return { ids, sampling };
});

/** What happens to a request beside the others. */
type Fate = 'finishes' | 'is given up' | 'is streamed';
const fates: readonly Fate[] = ['finishes', 'finishes', 'is streamed', 'is given up'];
const bytesPerToken = 2 * config.numHiddenLayers * config.numKeyValueHeads * config.headDim * 4;

test(`${numRequests} requests with cancels, stops, updates and too little memory each give what they give alone`, async () => {
  await using alone = new Engine({ runner: await Runner.open(config, weights, invariant), decode: decodeLetters });
  const expected = await Promise.all(kinds.map(({ ids, sampling }) => generate(alone, ids, sampling)));
  const kvCacheBytes = 14 * 64 * bytesPerToken;
  const runner = await Runner.open(config, weights, { ...invariant, kvCacheBytes });
  await using engine = new Engine({ runner, decode: decodeLetters, maxSequences: 6, maxPrefillTokens: 48 });
  const counts = { whole: 0, aborted: 0, givenUp: 0 };

  const request = async (kind: number, fate: Fate): Promise<void> => {
    const { ids, sampling } = kinds[kind]!;
    const abort = new AbortController();
    let numDeltas = 0;
    const onDelta = () => {
      numDeltas++;
      if (fate === 'is given up' && numDeltas === 4) abort.abort(new RangeError('enough'));
    };
    const completions = await engine
      .generate({ text: decodeLetters(ids), ids }, resolveSamplingParams(sampling), {
        signal: abort.signal,
        priority: kind % 3,
        ...(fate !== 'finishes' && { onDelta }),
      })
      .catch((error: unknown) => {
        expect(error).toBeInstanceOf(RangeError);
        expect(abort.signal.aborted).toBe(true);
      });
    if (!completions) {
      counts.givenUp++;
      return;
    }
    for (const [index, { tokenIds, logProbs, finishReason, stoppedBy }] of completions.entries()) {
      const wanted = expected[kind]![index]!;
      expect(tokenIds).toEqual(wanted.tokenIds.slice(0, tokenIds.length));
      expect(logProbs).toEqual(wanted.logProbs.slice(0, tokenIds.length));
      if (finishReason === 'abort') counts.aborted++;
      else
        expect({ tokenIds, finishReason, stoppedBy }).toEqual({
          tokenIds: wanted.tokenIds,
          finishReason: wanted.finishReason,
          stoppedBy: wanted.stoppedBy,
        });
    }
    counts.whole++;
  };

  const pending = new Set<Promise<unknown>>();
  const track = (promise: Promise<unknown>): void => {
    pending.add(promise);
    void promise.finally(() => pending.delete(promise)).catch(() => {}); // the loop below sees it
  };
  for (let at = 0; at < numRequests; at++) {
    track(request(random.integer(kinds.length), fates[random.integer(fates.length)]!));
    // The same weights under another version: what was computed before must be forgotten, and nothing may change.
    if (at % 50 === 49)
      track(engine.update(weights, at, (['inFlight', 'recompute', 'drain', 'abort'] as const)[random.integer(4)]!));
    for (let turn = random.integer(12); turn > 0; turn--) await setImmediate();
    while (pending.size > 16) await Promise.race(pending);
    expect(runner.numKvBytes).toBeLessThanOrEqual(kvCacheBytes);
  }
  await Promise.all(pending);

  expect(engine.numRunning + engine.numWaiting).toBe(0);
  expect(counts.whole + counts.givenUp).toBe(numRequests);
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
  await engine.update(weights, numRequests, 'inFlight');
  // Nothing of the others is left in the way: each request alone is what it was at first.
  for (const [kind, { ids, sampling }] of kinds.entries()) {
    const completions = await generate(engine, ids, sampling);
    expect(completions.map(({ tokenIds }) => tokenIds)).toEqual(expected[kind]!.map(({ tokenIds }) => tokenIds));
  }
}, 600_000);
