import { initialize, type Weights } from '@forge/models';
import { tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import { Engine } from '../../src/engine/engine.ts';
import { Runner } from '../../src/runner/runner.ts';
import { decodeLetters, generate, loadGolden, type ModelName, openEngine } from '../golden-models.ts';

const model: ModelName = 'qwen3_tied';
const prompt = [4, 29, 98];
const { config, weights: initial } = await loadGolden(model);
const others = initialize(config, 1);

/** Runs the event loop until it is so; a completion of a test is long enough that it becomes so before the end. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}
const isRunning = (engine: Engine, count: number) => () => engine.numRunning === count;
const withTensor = (name: string, values: Float32Array<ArrayBuffer>, shape: readonly number[]): Weights => ({
  ...initial,
  [name]: tensor('float32', shape, values),
});
const norm = 'model.norm.weight';

test.each(['maxSequences', 'maxPrefillTokens', 'maxModelLength'])('%s has to be a whole number', async (limit) => {
  await using runner = await Runner.open(config, initial, { threads: 1 });
  for (const value of [0, 2.5]) {
    const construct = () => new Engine({ runner, decode: decodeLetters, [limit]: value });
    expect(construct).toThrow(new RangeError(`${limit} is ${value}. It must be a whole number of at least 1.`));
  }
});

describe('a request', () => {
  test('knows its prompt, its texts, its order and how long things took', async () => {
    await using engine = await openEngine(model);
    const completions = await generate(engine, prompt, { n: 3, maxTokens: 5, seed: 1 });
    expect(completions.map(({ index }) => index)).toEqual([0, 1, 2]);
    for (const completion of completions) {
      expect(completion).toMatchObject({ prompt: decodeLetters(prompt), promptIds: prompt, finishReason: 'length' });
      expect(completion.text).toBe(decodeLetters(completion.tokenIds));
      expect(completion.tokenIds).toHaveLength(5);
      expect(completion.versions).toEqual(new Int32Array(5));
      const { queuedMs, firstTokenMs, totalMs } = completion.timing;
      expect(queuedMs).toBeGreaterThanOrEqual(0);
      expect(firstTokenMs).toBeGreaterThan(queuedMs);
      expect(totalMs).toBeGreaterThan(firstTokenMs);
    }
  });

  test('the text ends before a stop string that spans tokens, the tokens with the one that completes it', async () => {
    await using engine = await openEngine(model);
    const [whole] = await generate(engine, prompt, { maxTokens: 20, seed: 4 });
    const stop = decodeLetters(whole!.tokenIds.slice(7, 9));
    const [stopped] = await generate(engine, prompt, { maxTokens: 20, seed: 4, stop: ['never', stop] });
    const at = whole!.text.indexOf(stop);
    expect(stopped).toMatchObject({ finishReason: 'stop', stoppedBy: stop, text: whole!.text.slice(0, at) });
    expect(stopped!.tokenIds).toEqual(whole!.tokenIds.slice(0, at + 2));
    expect(stopped!.logProbs).toHaveLength(at + 2);
  });

  test('ends at maxModelLength', async () => {
    await using engine = await openEngine(model, { maxModelLength: 10 });
    const [completion] = await generate(engine, prompt, { maxTokens: 100 });
    expect(completion).toMatchObject({ finishReason: 'length' });
    expect(completion!.tokenIds).toHaveLength(7);
  });

  test.each([
    ['no tokens', [], 'no tokens'],
    ['no room', [1, 2, 3, 4], 'maxModelLength 4'],
    ['a strange token', [1, config.vocabSize], 'outside of the vocabulary'],
    ['half a token', [1, 0.5], 'outside of the vocabulary'],
  ])('a prompt with %s is refused', async (_, ids, problem) => {
    await using engine = await openEngine(model, { maxModelLength: 4 });
    const refused = generate(engine, ids);
    await expect(refused).rejects.toMatchObject({ code: 'ERR_GENERATOR_PROMPT', maxModelLength: 4 });
    await expect(refused).rejects.toThrow(problem);
  });

  test('requests without a seed differ from each other and are the same for the same engine seed', async () => {
    const texts = async (seed: number) => {
      await using engine = await openEngine(model, { seed });
      const both = await Promise.all([generate(engine, prompt), generate(engine, prompt)]);
      return both.map(([completion]) => completion!.text);
    };
    const [first, second] = await texts(1);
    expect(first).not.toBe(second);
    expect(await texts(1)).toEqual([first, second]);
    expect(await texts(2)).not.toContain(first);
  });
});

describe('a request that is given up', () => {
  test('rejects with the reason at once and leaves its slot to the next', async () => {
    await using engine = await openEngine(model, { maxSequences: 2 });
    const controller = new AbortController();
    const first = generate(engine, prompt, { n: 3, maxTokens: 200 }, controller.signal);
    const next = generate(engine, prompt, { maxTokens: 3 });
    await until(isRunning(engine, 2));
    controller.abort(new RangeError('enough'));
    await expect(first).rejects.toThrow(new RangeError('enough'));
    expect((await next)[0]?.tokenIds).toHaveLength(3);
    expect(engine.numRunning + engine.numWaiting).toBe(0);
  });

  test('is refused when the signal was aborted before', async () => {
    await using engine = await openEngine(model);
    await expect(generate(engine, prompt, {}, AbortSignal.abort(new RangeError('late')))).rejects.toThrow('late');
    expect(engine.numWaiting).toBe(0);
  });
});

describe('an update of the weights', () => {
  const long = { maxTokens: 120, seed: 6 };

  test('in flight: running sequences go on, and each token tells the version that produced it', async () => {
    await using engine = await openEngine(model);
    const [undisturbed] = await generate(engine, prompt, long);
    const running = generate(engine, prompt, long);
    await until(isRunning(engine, 1));
    await engine.update(others, 3, 'inFlight');
    expect(engine.version).toBe(3);
    const [completion] = await running;
    const numOld = completion!.versions.indexOf(3);
    expect(numOld).toBeGreaterThan(0);
    expect([...completion!.versions]).toEqual(Array.from({ length: 120 }, (_, at) => (at < numOld ? 0 : 3)));
    expect(completion!.tokenIds.slice(0, numOld)).toEqual(undisturbed!.tokenIds.slice(0, numOld));
    expect(completion!.tokenIds).not.toEqual(undisturbed!.tokenIds);
  });

  test('recomputing: running sequences go on as the new weights would from the tokens so far', async () => {
    await using engine = await openEngine(model);
    const greedy = { maxTokens: 120, temperature: 0 };
    const running = generate(engine, prompt, { ...greedy, n: 2 });
    await until(isRunning(engine, 2));
    await engine.update(others, 3, 'recompute');
    for (const { promptIds, tokenIds, logProbs, versions } of await running) {
      expect(tokenIds).toHaveLength(120);
      const numOld = versions.indexOf(3);
      expect(numOld).toBeGreaterThan(0);
      const ids = [...promptIds, ...tokenIds.slice(0, numOld)];
      const [fresh] = await generate(engine, ids, { ...greedy, maxTokens: 120 - numOld });
      expect(tokenIds.slice(numOld)).toEqual(fresh!.tokenIds);
      for (const [t, logProb] of fresh!.logProbs.entries()) expect(logProbs[numOld + t]).toBeCloseTo(logProb, 4);
    }
  });

  test('drained: running sequences finish with the old weights, waiting ones start with the new', async () => {
    await using engine = await openEngine(model, { maxSequences: 1 });
    const running = generate(engine, prompt, long);
    const waiting = generate(engine, prompt, { ...long, maxTokens: 8 });
    await until(isRunning(engine, 1));
    await engine.update(others, 1, 'drain');
    expect(new Set((await running)[0]!.versions)).toEqual(new Set([0]));
    expect(new Set((await waiting)[0]!.versions)).toEqual(new Set([1]));
  });

  test('aborting: running sequences end with what they have, waiting ones start with the new weights', async () => {
    await using engine = await openEngine(model, { maxSequences: 1 });
    const running = generate(engine, prompt, long);
    const waiting = generate(engine, prompt, { ...long, maxTokens: 8 });
    await until(isRunning(engine, 1));
    await engine.update(others, 1, 'abort');
    const [aborted] = await running;
    expect(aborted).toMatchObject({ finishReason: 'abort', text: decodeLetters(aborted!.tokenIds) });
    expect(aborted!.tokenIds.length).toBeLessThan(120);
    expect(new Set((await waiting)[0]!.versions)).toEqual(new Set([1]));
  });

  test('many at once end at the last', async () => {
    await using engine = await openEngine(model);
    const running = generate(engine, prompt, long);
    await until(isRunning(engine, 1));
    const modes = ['inFlight', 'drain', 'inFlight', 'abort'] as const;
    await Promise.all(modes.map((mode, at) => engine.update(at % 2 ? initial : others, at + 1, mode)));
    expect(engine.version).toBe(4);
    await running;
  });

  test('an idle engine takes it too', async () => {
    await using engine = await openEngine(model);
    await engine.update(others, 9, 'drain');
    expect((await generate(engine, prompt, { maxTokens: 2 }))[0]?.versions).toEqual(Int32Array.of(9, 9));
  });
});

describe('a failure', () => {
  const size = config.hiddenSize;

  test('of a run rejects those that were part of it, and the engine goes on', async () => {
    await using engine = await openEngine(model, { maxSequences: 2 });
    const running = generate(engine, prompt, { n: 2, maxTokens: 200 });
    const waiting = generate(engine, prompt, { maxTokens: 200 });
    await until(isRunning(engine, 2));
    const lost = new Float32Array(size);
    await engine.update(withTensor(norm, lost, [size]), 1, 'inFlight');
    structuredClone(lost, { transfer: [lost.buffer] });
    await expect(running).rejects.toMatchObject({
      code: 'ERR_GENERATOR_STEP',
      phase: 'decode',
      cause: { code: 'ERR_ONNX_RUN_ARGUMENT', problem: 'memory' },
    });
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_GENERATOR_STEP', phase: 'prefill' });
    expect(engine.numRunning + engine.numWaiting).toBe(0);
    await engine.update(initial, 2, 'inFlight');
    expect((await generate(engine, prompt, { maxTokens: 4 }))[0]?.tokenIds).toHaveLength(4);
  });

  test('of weights that do not fit rejects the update, and what runs goes on with those before', async () => {
    await using engine = await openEngine(model);
    const running = generate(engine, prompt, { maxTokens: 20 });
    const update = engine.update(withTensor(norm, new Float32Array(5), [5]), 1, 'inFlight');
    await expect(update).rejects.toMatchObject({ code: 'ERR_MODELS_WEIGHTS', tensor: norm });
    expect((await running)[0]?.versions).toEqual(new Int32Array(20));
  });

  test('of the logits rejects with a LogitsError', async () => {
    await using engine = await openEngine(model);
    await engine.update(withTensor(norm, new Float32Array(size).fill(Number.NaN), [size]), 1, 'inFlight');
    await expect(generate(engine, prompt, { n: 2 })).rejects.toMatchObject({ code: 'ERR_GENERATOR_LOGITS' });
  });

  test('stopping rejects everything that is unfinished or comes later', async () => {
    const engine = await openEngine(model, { maxSequences: 1 });
    const unfinished = [generate(engine, prompt, { maxTokens: 200 }), generate(engine, prompt)];
    await until(isRunning(engine, 1));
    const update = engine.update(others, 1, 'drain');
    const stopped = engine[Symbol.asyncDispose]();
    const refused = [...unfinished, update, generate(engine, prompt), engine.update(others, 2, 'drain')];
    for (const each of await Promise.allSettled(refused)) {
      expect(each).toMatchObject({ status: 'rejected', reason: { code: 'ERR_GENERATOR_STOPPED' } });
    }
    await stopped;
    await engine[Symbol.asyncDispose]();
  });
});
