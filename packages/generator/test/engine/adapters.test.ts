import { initialize, initializeLora, type LoraConfig, mergeLora, type Weights } from '@forge/models';
import { Random } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import { type LentAdapters, lendWeights } from '../../src/index.ts';
import { generate, loadGolden, openEngine } from '../golden-models.ts';

const model = 'qwen3_tied';
const { config, weights: base } = await loadGolden(model);
const lora: LoraConfig = { rank: 4, alpha: 12 };
const prompt = [4, 29, 98, 17];

/** Adapters that change the model. */
function adapterWeights(seed: number, { rank }: LoraConfig = lora): Weights {
  const random = new Random(seed);
  const weights = initializeLora(config, { ...lora, rank }, seed);
  for (const { data } of Object.values(weights))
    for (let i = 0; i < data.length; i++) data[i]! += 0.05 * random.normal();
  return weights;
}

/** Versions of adapters of the same weights, which tell when these are asked for, and which of them are back. */
function lending() {
  const told = { bases: 0, returned: [] as number[] };
  const version = (seed: number, described: LoraConfig = lora): LentAdapters => ({
    adapters: { lora: described, weights: adapterWeights(seed, described) },
    baseName: 'golden',
    async base() {
      told.bases++;
      return lendWeights(base);
    },
    [Symbol.dispose]: () => void told.returned.push(seed),
  });
  return { told, version };
}

/** Forms of the weights, and how far mean log-probabilities of tokens may be from those of the merged float32 weights. */
const forms = [
  { runner: { packedWeights: true }, largestMean: 1e-5 },
  { runner: { packedWeights: true, quantization: 'int8' }, largestMean: 0.1 },
  { runner: { quantization: 'int8-blocks' }, largestMean: 0.1 },
  { runner: { quantization: 'int4' }, largestMean: 0.6 }, // a narrow model, of weights ten times as large as is usual
] as const;

/** What the merged weights say of tokens that were drawn. */
async function exactLogProbs(seed: number, tokenIds: readonly number[]): Promise<readonly number[]> {
  await using exact = await openEngine(model);
  await exact.update(mergeLora(config, { ...base, ...adapterWeights(seed) }, lora), 1, 'drain');
  const scored: number[] = [];
  for (const [at, id] of tokenIds.entries()) {
    const ids = [...prompt, ...tokenIds.slice(0, at)];
    const [next] = await generate(exact, ids, { maxTokens: 1, temperature: 0, logitBias: { [id]: 1000 } });
    scored.push(next!.logProbs[0]!);
  }
  return scored;
}

describe.each(forms)('an engine of $runner', ({ runner, largestMean }) => {
  test('computes with adapters as float32 does with the merged weights, nearly', async () => {
    await using engine = await openEngine(model, { runner });
    const { version } = lending();
    for (const seed of [1, 2]) {
      await engine.update(async () => version(seed), seed, 'drain');
      const [rollout] = await generate(engine, prompt, { maxTokens: 30, seed });
      const exact = await exactLogProbs(seed, rollout!.tokenIds);
      const differences = exact.map((logProb, at) => Math.abs(logProb - rollout!.logProbs[at]!));
      expect(differences.reduce((sum, value) => sum + value, 0) / differences.length).toBeLessThan(largestMean);
    }
  });

  test('asks for the weights once, for all versions of adapters of a kind', async () => {
    await using engine = await openEngine(model, { runner });
    const { told, version } = lending();
    const running = generate(engine, prompt, { maxTokens: 100, seed: 3 });
    for (const seed of [1, 2, 3]) await engine.update(async () => version(seed), seed, 'inFlight');
    expect(told).toEqual({ bases: 1, returned: [1, 2, 3] });
    await running;
    await engine.update(async () => version(4, { ...lora, rank: 3 }), 4, 'inFlight');
    expect(told.bases).toBe(2);
    await engine.update(initialize(config, 5), 5, 'inFlight');
    await engine.update(async () => version(6), 6, 'inFlight');
    expect(told.bases).toBe(3);
    expect(told.returned).toEqual([1, 2, 3, 4, 6]);
  });

  test('goes on with the adapters it has when the weights of others cannot be had', async () => {
    await using engine = await openEngine(model, { runner });
    const { told, version } = lending();
    await engine.update(async () => version(1), 1, 'drain');
    const [before] = await generate(engine, prompt, { maxTokens: 8, seed: 1 });
    const lost = new Error('no such folder');
    const other = { ...version(2, { ...lora, rank: 2 }), base: () => Promise.reject(lost) };
    await expect(engine.update(async () => other, 2, 'drain')).rejects.toBe(lost);
    expect(told.returned).toEqual([1, 2]);
    const [after] = await generate(engine, prompt, { maxTokens: 8, seed: 1 });
    expect(after?.logProbs).toEqual(before?.logProbs);
  });
});

test.each(forms.slice(1))(
  'the mismatch of $runner is measured when its weights are quantised',
  async ({ runner, largestMean }) => {
    await using engine = await openEngine(model, { runner });
    const { version } = lending();
    await generate(engine, prompt, { maxTokens: 40, seed: 2 });
    const mismatch = await engine.update(async () => version(1), 1, 'inFlight');
    expect(mismatch?.meanDifference).toBeGreaterThan(0);
    expect(mismatch?.meanDifference).toBeLessThan(largestMean);
    expect(await engine.update(async () => version(2), 2, 'inFlight')).toBeUndefined();
  },
);
