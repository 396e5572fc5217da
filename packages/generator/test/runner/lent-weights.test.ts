import { initialize, type Weights } from '@forge/models';
import { describe, expect, test } from 'vitest';
import { lendOwnWeights, lendWeights } from '../../src/index.ts';
import { Runner } from '../../src/runner/runner.ts';
import type { RunnerOptions } from '../../src/runner/runner-options.ts';
import { loadGolden } from '../golden-models.ts';

const { config, weights: first } = await loadGolden('qwen3_tied');
const embedding = 'model.embed_tokens.weight';

/** The logits of the token after a few. */
async function logitsOf(runner: Runner): Promise<readonly number[]> {
  await runner.prefill([{ ids: [4, 29], slots: [0] }], { numSlots: 1, longest: 8 });
  const [next] = await runner.decode([{ nextId: 98, numTokens: 3 }]);
  return Array.from(next!.values_V);
}

const forms: readonly { readonly options: RunnerOptions; readonly kept: readonly string[] }[] = [
  { options: { packedWeights: false }, kept: Object.keys(first) },
  { options: { packedWeights: true }, kept: [embedding] },
  { options: { packedWeights: true, quantization: 'int8' }, kept: [embedding] },
  { options: { quantization: 'int4' }, kept: [embedding] },
];

describe.each(forms)('a runner of $options', ({ options, kept }) => {
  test('gives back all lent weights but those that it reads where they are, and these when others take their place', async () => {
    await using runner = await Runner.open(config, first, { threads: 1, ...options });
    const lent = initialize(config, 1);
    const returned = new Set<string>();
    const giveBack = (weights: Weights): void => {
      for (const [name, { data }] of Object.entries(weights)) {
        expect(returned).not.toContain(name);
        returned.add(name);
        data.fill(Number.NaN);
      }
    };
    runner.setWeights(await runner.prepare(lendWeights(lent, giveBack)));
    expect(Object.keys(lent).filter((name) => !returned.has(name))).toEqual(kept);
    await using other = await Runner.open(config, initialize(config, 1), { threads: 1, ...options });
    expect(await logitsOf(runner)).toEqual(await logitsOf(other));
    runner.setWeights(await runner.prepare(lendWeights(first)));
    await runner[Symbol.asyncDispose]();
    expect(returned.size).toBe(Object.keys(lent).length);
  });
});

describe.each(forms.slice(1))('a runner of $options', ({ options }) => {
  test('gives everything back when the update is given up', async () => {
    await using runner = await Runner.open(config, first, { threads: 1, ...options });
    const returned: string[] = [];
    const lent = lendWeights(initialize(config, 1), (weights) => returned.push(...Object.keys(weights)));
    const gaveUp = new Error('given up');
    await expect(runner.prepare(lent, { signal: AbortSignal.abort(gaveUp) })).rejects.toBe(gaveUp);
    expect(returned.toSorted()).toEqual(Object.keys(first).toSorted());
  });
});

test.each(forms)(
  'weights that nobody else has end when a runner of $options needs them no more',
  async ({ options, kept }) => {
    await using runner = await Runner.open(config, first, { threads: 1, ...options });
    const own = initialize(config, 1);
    runner.setWeights(await runner.prepare(lendOwnWeights(own)));
    expect(Object.keys(own).filter((name) => own[name]!.data.length > 0)).toEqual(kept);
    await using other = await Runner.open(config, initialize(config, 1), { threads: 1, ...options });
    expect(await logitsOf(runner)).toEqual(await logitsOf(other));
    runner.setWeights(await runner.prepare(lendWeights(first)));
    await runner[Symbol.asyncDispose]();
    expect(Object.values(own).every(({ data }) => data.length === 0)).toBe(true);
  },
);

test('weights that have lost their memory are refused, and those before stay in use until the end', async () => {
  let isReturned = false;
  const before = lendWeights(initialize(config, 1), () => {
    isReturned = true;
  });
  await using runner = await Runner.open(config, before, { threads: 1, packedWeights: false });
  const logits = await logitsOf(runner);
  const lost = initialize(config, 2);
  const prepared = await runner.prepare(lendWeights(lost));
  structuredClone(lost[embedding]!.data, { transfer: [lost[embedding]!.data.buffer as ArrayBuffer] }); // as it is allocated
  expect(() => runner.setWeights(prepared)).toThrow(`feed '${embedding}'`);
  expect(await logitsOf(runner)).toEqual(logits);
  expect(isReturned).toBe(false);
  await runner[Symbol.asyncDispose]();
  expect(isReturned).toBe(true);
});
