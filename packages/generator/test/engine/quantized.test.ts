import { initialize } from '@forge/models';
import { describe, expect, test } from 'vitest';
import { mismatchOf } from '../../src/index.ts';
import { generate, loadGolden, type ModelName, openEngine } from '../golden-models.ts';

const model: ModelName = 'qwen3_tied';
const { config } = await loadGolden(model);
const prompts = [
  [4, 29, 98],
  [39, 81, 115, 100, 46, 101, 69],
];

const forms = [
  { runner: { quantization: 'int8', packedWeights: false }, largestMean: 0.05 },
  { runner: { quantization: 'int8', packedWeights: true }, largestMean: 0.05 },
  { runner: { quantization: 'int8-blocks' }, largestMean: 0.1 },
  { runner: { quantization: 'int4' }, largestMean: 0.6 }, // a narrow model, of weights ten times as large as is usual
] as const;

describe.each(forms)('an engine of $runner', ({ runner, largestMean }) => {
  test('draws from nearly the distribution of float32', async () => {
    await using exact = await openEngine(model);
    await using quantized = await openEngine(model, { runner });
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
      expect(mean).toBeLessThan(largestMean);
    }
  });

  test('quantises the weights of an update, while it goes on', async () => {
    await using engine = await openEngine(model, { runner });
    const others = initialize(config, 1);
    let isUpdated = false;
    const update = engine.update(others, 1, 'inFlight').finally(() => {
      isUpdated = true;
    });
    const versions: number[] = [];
    while (!isUpdated) {
      const [completion] = await generate(engine, prompts[0]!, { maxTokens: 40, seed: 6 });
      versions.push(...completion!.versions);
    }
    await update;
    expect(versions[0]).toBe(0);
    expect(versions).toEqual(versions.toSorted());
    await engine.update(others, 2, 'drain');
    const [updated] = await generate(engine, prompts[0]!, { maxTokens: 10, seed: 1 });
    await using fresh = await openEngine(model, { runner });
    await fresh.update(others, 2, 'inFlight');
    expect((await generate(fresh, prompts[0]!, { maxTokens: 10, seed: 1 }))[0]?.tokenIds).toEqual(updated?.tokenIds);
  });
});

describe('the mismatch of an update', () => {
  test.each(forms)('of $runner is measured on tokens that were drawn', async ({ runner, largestMean }) => {
    await using engine = await openEngine(model, { runner });
    const { weights } = await loadGolden(model);
    expect(await engine.update(weights, 1, 'inFlight')).toBeUndefined();
    const prompt = prompts[1]!;
    const [rollout] = await generate(engine, prompt, { maxTokens: 40, seed: 2 });
    const mismatch = await engine.update(weights, 2, 'inFlight');
    await using exact = await openEngine(model);
    const scored: number[] = [];
    for (const [at, id] of rollout!.tokenIds.entries()) {
      const ids = [...prompt, ...rollout!.tokenIds.slice(0, at)];
      const [next] = await generate(exact, ids, { maxTokens: 1, temperature: 0, logitBias: { [id]: 1000 } });
      scored.push(next!.logProbs[0]!);
    }
    // Activations of int8 have one scale a run: a run of all tokens is coarser than the runs that drew them.
    const recorded = mismatchOf(rollout!.logProbs, scored).meanDifference;
    expect(recorded).toBeLessThan(largestMean);
    expect(mismatch?.meanDifference).toBeGreaterThan(recorded / 3);
    expect(mismatch?.meanDifference).toBeLessThan(recorded * 3);
    expect(mismatch?.maxDifference).toBeGreaterThanOrEqual(mismatch!.meanDifference);
    expect(Math.abs(mismatch!.kl)).toBeLessThanOrEqual(mismatch!.meanDifference);
  });

  test('is none of float32 weights', async () => {
    await using engine = await openEngine(model);
    await generate(engine, prompts[0]!, { maxTokens: 4 });
    expect(await engine.update((await loadGolden(model)).weights, 1, 'inFlight')).toBeUndefined();
  });

  test('is mean, largest and signed mean of the differences', () => {
    expect(mismatchOf([-1, -2, -3.5], [-1, -2.5, -3])).toEqual({ meanDifference: 1 / 3, maxDifference: 0.5, kl: 0 });
    expect(mismatchOf([], [])).toEqual({ meanDifference: 0, maxDifference: 0, kl: 0 });
  });
});

describe('packed weights', () => {
  test('give the tokens of weights that are inputs, and their log-probabilities within 1e-5', async () => {
    await using fed = await openEngine(model, { runner: { packedWeights: false } });
    await using packed = await openEngine(model, { runner: { packedWeights: true } });
    for (const [seed, prompt] of prompts.entries()) {
      const sampling = { n: 3, maxTokens: 40, seed };
      const [wanted, given] = await Promise.all([fed, packed].map((engine) => generate(engine, prompt, sampling)));
      for (const [index, { tokenIds, logProbs }] of wanted!.entries()) {
        expect(given![index]?.tokenIds).toEqual(tokenIds);
        for (const [at, logProb] of logProbs.entries()) {
          expect(Math.abs(given![index]!.logProbs[at]! - logProb)).toBeLessThan(1e-5);
        }
      }
    }
  });
});

test.each([
  [{ threads: 1, batchInvariant: true, quantization: 'int8' }, 'batchInvariant needs float32 weights'],
  [{ threads: 1, batchInvariant: true, packedWeights: true }, 'batchInvariant needs packedWeights: false'],
  [{ quantization: 'int4', packedWeights: false }, 'int4 needs packedWeights: true'],
  [{ quantization: 'int8-blocks', packedWeights: false }, 'int8-blocks needs packedWeights: true'],
  [{ quantization: 'int2' as 'int8' }, 'must be one of int8, int8-blocks, int4'],
] as const)('%o is refused', async (runner, message) => {
  await expect(openEngine(model, { runner })).rejects.toThrow(message);
});
