import { setImmediate } from 'node:timers/promises';
import { initialize } from '@forge/models';
import { describe, expect, test } from 'vitest';
import type { LentWeights, WeightsSource } from '../../src/index.ts';
import { generate, generateWhile, loadGolden, type ModelName, openEngine } from '../golden-models.ts';

const model: ModelName = 'qwen3_tied';
const { config } = await loadGolden(model);
const prompt = [4, 29, 98];
const norm = 'model.norm.weight';

/** Weights that tell when they are asked for and given back. */
function lending(seed: number) {
  const counts = { lent: 0, returned: 0 };
  const source: WeightsSource = async (): Promise<LentWeights> => {
    counts.lent++;
    return { weights: initialize(config, seed), [Symbol.dispose]: () => void counts.returned++ };
  };
  return { counts, source };
}

describe.each([
  { packedWeights: false },
  { packedWeights: true },
  { packedWeights: true, quantization: 'int8' },
  { packedWeights: true, quantization: 'int4' },
] as const)('updates of %o', (runner) => {
  test('of those that wait only the newest is made, and all settle with it', async () => {
    await using engine = await openEngine(model, { runner });
    const running = generate(engine, prompt, { maxTokens: 120, seed: 6 });
    const lent = [1, 2, 3, 4, 5].map(lending);
    const begun = Promise.withResolvers<void>();
    const updates = lent.map(async ({ source }, at) => {
      if (at > 0) await begun.promise;
      const telling: WeightsSource = (signal) => {
        begun.resolve();
        return source(signal);
      };
      await engine.update(telling, at + 1, 'inFlight');
    });
    await Promise.all(updates);
    expect(engine.version).toBe(5);
    expect(lent.map(({ counts }) => counts.lent)).toEqual([1, 0, 0, 0, 1]);
    expect([...(await running)[0]!.versions].every((version) => [0, 1, 5].includes(version))).toBe(true);
    await engine[Symbol.asyncDispose]();
    expect(lent.map(({ counts }) => counts.returned)).toEqual([1, 0, 0, 0, 1]);
  });

  test('one that overtakes another is as strict as that', async () => {
    await using engine = await openEngine(model, { runner });
    const updated = Promise.withResolvers<void>();
    const completions = generateWhile(engine, prompt, updated.promise);
    while (engine.numRunning === 0) await setImmediate();
    const updates = (['inFlight', 'abort', 'inFlight'] as const).map((mode, at) =>
      engine.update(lending(at).source, at + 1, mode),
    );
    await Promise.all(updates);
    updated.resolve();
    expect((await completions).map(({ finishReason }) => finishReason)).toContain('abort');
  });

  test('weights that cannot be had leave the old ones serving, and the next update is taken', async () => {
    await using engine = await openEngine(model, { runner });
    const before = await generate(engine, prompt, { maxTokens: 8, temperature: 0 });
    const failing = engine.update(() => Promise.reject(new RangeError('no such version')), 1, 'abort');
    await expect(failing).rejects.toThrow('no such version');
    expect(engine.version).toBe(0);
    expect((await generate(engine, prompt, { maxTokens: 8, temperature: 0 }))[0]?.tokenIds).toEqual(
      before[0]?.tokenIds,
    );
    await engine.update(lending(2).source, 2, 'drain');
    expect(engine.version).toBe(2);
  });

  test('what is being prepared when the engine stops is given back, and refused', async () => {
    const engine = await openEngine(model, { runner });
    const [first, second] = [lending(1), lending(2)];
    const updates = [engine.update(first.source, 1, 'inFlight'), engine.update(second.source, 2, 'inFlight')];
    const stopped = engine[Symbol.asyncDispose]();
    for (const each of await Promise.allSettled(updates)) {
      expect(each).toMatchObject({ status: 'rejected', reason: { code: 'ERR_GENERATOR_STOPPED' } });
    }
    await stopped;
    for (const { counts } of [first, second]) expect(counts.returned).toBe(counts.lent);
  });
});

test('a session that cannot be made of an update leaves the old one serving', async () => {
  await using engine = await openEngine(model, { runner: { packedWeights: true } });
  const { weights } = await loadGolden(model);
  const returned = Promise.withResolvers<void>();
  const broken = { ...weights, [norm]: { ...weights[norm]!, shape: [3] } };
  const source = async () => ({ weights: broken, [Symbol.dispose]: returned.resolve });
  await expect(engine.update(source, 1, 'inFlight')).rejects.toMatchObject({
    code: expect.stringContaining('ERR_ONNX'),
  });
  await returned.promise;
  expect((await generate(engine, prompt, { maxTokens: 4 }))[0]?.versions).toEqual(new Int32Array(4));
});
