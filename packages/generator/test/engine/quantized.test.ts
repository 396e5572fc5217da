import { initialize } from '@forge/models';
import { describe, expect, test } from 'vitest';
import { generate, loadGolden, type ModelName, openEngine } from '../golden-models.ts';

const model: ModelName = 'qwen3_tied';
const { config } = await loadGolden(model);
const prompts = [
  [4, 29, 98],
  [39, 81, 115, 100, 46, 101, 69],
];

const quantization = 'int8';

describe('an engine of int8 weights', () => {
  test('draws from nearly the distribution of float32', async () => {
    await using exact = await openEngine(model);
    await using quantized = await openEngine(model, { runner: { quantization } });
    for (const [seed, prompt] of prompts.entries()) {
      const sampling = { maxTokens: 30, seed, topLogProbs: 5 };
      const [rollout] = await generate(quantized, prompt, sampling);
      // The same tokens, scored in float32: what a trainer would say of the rollout.
      const differences: number[] = [];
      for (const [at, id] of rollout!.tokenIds.entries()) {
        const ids = [...prompt, ...rollout!.tokenIds.slice(0, at)];
        const [next] = await generate(exact, ids, { maxTokens: 1, temperature: 0, logitBias: { [id]: 1000 } });
        expect(next!.tokenIds).toEqual([id]);
        differences.push(Math.abs(next!.logProbs[0]! - rollout!.logProbs[at]!));
      }
      const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
      expect(mean).toBeGreaterThan(0);
      expect(mean).toBeLessThan(0.05);
    }
  });

  test('quantises the weights of an update, while it goes on', async () => {
    await using engine = await openEngine(model, { runner: { quantization } });
    const others = initialize(config, 1);
    const running = generate(engine, prompts[0]!, { maxTokens: 120, seed: 6 });
    await engine.update(others, 1, 'inFlight');
    await engine.update(others, 2, 'drain');
    expect([...(await running)[0]!.versions]).toContain(1);
    const [updated] = await generate(engine, prompts[0]!, { maxTokens: 10, seed: 1 });
    await using fresh = await openEngine(model, { runner: { quantization } });
    await fresh.update(others, 2, 'inFlight');
    expect((await generate(fresh, prompts[0]!, { maxTokens: 10, seed: 1 }))[0]?.tokenIds).toEqual(updated?.tokenIds);
  });
});

test('quantised products depend on the batch, so batchInvariant refuses them', async () => {
  const runner = { threads: 1, batchInvariant: true, quantization: 'int8' } as const;
  await expect(openEngine(model, { runner })).rejects.toThrow('batchInvariant needs float32 weights');
  const runnerOfTwoBits = { quantization: 'int2' as 'int8' };
  await expect(openEngine(model, { runner: runnerOfTwoBits })).rejects.toThrow('must be int8');
});
