import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { openSession } from '@forge/onnx';
import { Random, tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import {
  gradientName,
  initializeLora,
  type LoraConfig,
  loadLora,
  loraOf,
  loraParameters,
  loraStateDict,
  mergeLora,
  mergeLoraInBackground,
  readSafetensors,
  saveLora,
  scoringGraph,
  trainingGraph,
  type Weights,
  writeSafetensors,
} from '../src/index.ts';
import { distance, goldenModel, padded, targetFeeds } from './golden-model.ts';
import { temporaryFolder } from './temporary-folder.ts';

const lora: LoraConfig = { rank: 3, alpha: 12, targetModules: ['q_proj', 'v_proj', 'down_proj'] };
const { config, weights, sequences } = await goldenModel('qwen2');
const packed = padded(sequences);
const feeds = { ...packed.feeds, ...targetFeeds(sequences, packed) };

/** Adapters that change the model. */
function trained(): Weights {
  const random = new Random('trained');
  const adapters = initializeLora(config, lora, 1);
  for (const { data } of Object.values(adapters))
    for (let i = 0; i < data.length; i++) data[i]! += 0.05 * random.normal();
  return adapters;
}

async function logProbsOf(all: Weights, adapted: boolean): Promise<Float32Array> {
  await using session = await openSession(scoringGraph(config, adapted ? { lora } : {}), { threads: 1 });
  const { log_probs } = await session.run({ ...feeds, ...all });
  return log_probs!.data as Float32Array; // the output's dtype
}

test('new adapters change nothing, and trained ones do', async () => {
  const before = await logProbsOf(weights, false);
  expect(distance(await logProbsOf({ ...weights, ...initializeLora(config, lora, 1) }, true), before)).toBeLessThan(
    1e-6,
  );
  expect(distance(await logProbsOf({ ...weights, ...trained() }, true), before)).toBeGreaterThan(1e-2);
});

test('merged weights compute what weights and adapters do', async () => {
  const all = { ...weights, ...trained() };
  const merged = mergeLora(config, all, lora);
  expect(Object.keys(merged)).toEqual(Object.keys(weights));
  expect(distance(await logProbsOf(merged, false), await logProbsOf(all, true))).toBeLessThan(1e-5);
});

test('merging in the background gives the same bits, and the event loop turns meanwhile', async () => {
  const all = { ...weights, ...trained() };
  let isMerging = true;
  let numTurns = 0;
  const turning = (async () => {
    for (; isMerging; numTurns++) await nextTurn();
  })();
  const wide: LoraConfig = { ...lora, rank: 400 };
  const many = { ...weights, ...initializeLora(config, wide, 1) };
  const merged = await mergeLoraInBackground(config, many, wide);
  isMerging = false;
  await turning;
  expect(numTurns).toBeGreaterThan(3);
  expect(merged).toEqual(mergeLora(config, many, wide));
  expect(await mergeLoraInBackground(config, all, lora)).toEqual(mergeLora(config, all, lora));
});

test('adapters come back from a state dict, and what is none of them is refused', () => {
  const adapters = trained();
  const stateDict = loraStateDict(config, { lora, weights: { ...weights, ...adapters } });
  expect(loraOf(config, stateDict)).toEqual({ lora, weights: adapters });
  expect(loraOf(config, weights)).toBeUndefined();
  const name = 'model.layers.0.self_attn.q_proj.lora_A.weight';
  const { [name]: missing, ...others } = stateDict;
  expect(() => loraOf(config, others)).toThrow(name);
  expect(() => loraOf(config, { ...stateDict, stranger: missing })).toThrow('stranger');
  expect(() => loraOf(config, { ...stateDict, [name]: tensor('float32', [2, 2]) })).toThrow('[2, 2]');
  expect(() => loraOf(config, { ...stateDict, lora: { rank: 3 } })).toThrow(RangeError);
});

test('only adapters have gradients, which are those of the merged weight seen through B and A', async () => {
  const all = { ...weights, ...trained() };
  const picks = feeds['targets']!.shape[0]!;
  const random = new Random('picks');
  const tokenWeights = tensor(
    'float32',
    [picks],
    Float32Array.from({ length: picks }, () => random.normal()),
  );
  await using adapted = await openSession(trainingGraph(config, { lora }), { threads: 1 });
  await using full = await openSession(trainingGraph(config), { threads: 1 });
  const got = await adapted.run({ ...feeds, ...all, weights: tokenWeights });
  const expected = await full.run({ ...feeds, ...mergeLora(config, all, lora), weights: tokenWeights });
  const names = loraParameters(config, lora).map(({ name }) => gradientName(name));
  expect(Object.keys(got).filter((name) => name.startsWith('grad.'))).toEqual(names);
  const layer = 'model.layers.0.self_attn.q_proj';
  const [a, b] = [all[`${layer}.lora_A.weight`]!, all[`${layer}.lora_B.weight`]!];
  const g = expected[gradientName(`${layer}.weight`)]!.data as Float32Array; // float32 as all weights
  const [numOut, numIn] = [b.shape[0]!, a.shape[1]!];
  // dB = 4 · dW·Aᵀ and dA = 4 · Bᵀ·dW, with 4 = alpha / rank.
  const dB = Array.from({ length: numOut * 3 }, (_, at) => {
    const [o, r] = [Math.floor(at / 3), at % 3];
    return Array.from({ length: numIn }, (_one, i) => 4 * g[o * numIn + i]! * a.data[r * numIn + i]!).reduce(
      (x, y) => x + y,
    );
  });
  const dA = Array.from({ length: 3 * numIn }, (_, at) => {
    const [r, i] = [Math.floor(at / numIn), at % numIn];
    return Array.from({ length: numOut }, (_one, o) => 4 * g[o * numIn + i]! * b.data[o * 3 + r]!).reduce(
      (x, y) => x + y,
    );
  });
  const gradient = (name: string) => got[gradientName(`${layer}.${name}.weight`)]!.data as Float32Array; // float32
  expect(distance(gradient('lora_A'), dA)).toBeLessThan(1e-4);
  expect(distance(gradient('lora_B'), dB)).toBeLessThan(1e-4);
});

describe('a folder of adapters', () => {
  async function saved(): Promise<string> {
    const folder = await temporaryFolder();
    await saveLora(folder, { config, lora, weights: trained(), modelName: 'Qwen/Qwen2-0.5B' });
    return folder;
  }

  test('is read back as it was written', async () => {
    expect(await loadLora(await saved(), config)).toEqual({ lora, weights: trained() });
  });

  test('has the names and keys of PEFT', async () => {
    const folder = await saved();
    const tensors = await readSafetensors(join(folder, 'adapter_model.safetensors'));
    expect(Object.keys(tensors)).toContain('base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight');
    expect(Object.keys(tensors)).toHaveLength(loraParameters(config, lora).length);
    expect(JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8'))).toMatchObject({
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: 'Qwen/Qwen2-0.5B',
      r: 3,
      lora_alpha: 12,
      target_modules: ['q_proj', 'v_proj', 'down_proj'],
      bias: 'none',
    });
  });

  test.each([
    { peft_type: 'IA3' },
    { bias: 'all' },
    { use_dora: true },
    { rank_pattern: { q_proj: 8 } },
    { modules_to_save: ['lm_head'] },
    { target_modules: '.*_proj' },
    { r: 0 },
  ])('with %j is refused', async (change) => {
    const folder = await saved();
    const file = join(folder, 'adapter_config.json');
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...change }));
    await expect(loadLora(folder, config)).rejects.toMatchObject({ code: 'ERR_MODELS_CONFIG' });
  });

  test.each(['missing', 'left over', 'of another shape'])('with a tensor %s is refused', async (what) => {
    const folder = await saved();
    const file = join(folder, 'adapter_model.safetensors');
    const tensors = await readSafetensors(file);
    const name = 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight';
    if (what === 'missing') delete tensors[name];
    if (what === 'left over') tensors['base_model.model.lm_head.lora_A.weight'] = tensor('float32', [1]);
    if (what === 'of another shape') tensors[name] = tensor('float32', [3, 1]);
    await writeSafetensors(file, tensors);
    await expect(loadLora(folder, config)).rejects.toMatchObject({ code: 'ERR_MODELS_WEIGHTS' });
  });

  test('rank-stabilised scaling is taken into account', async () => {
    const folder = await saved();
    const file = join(folder, 'adapter_config.json');
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), use_rslora: true }));
    expect((await loadLora(folder, config)).lora.alpha).toBeCloseTo(12 * Math.sqrt(3), 12);
  });
});

test.each([{ rank: 0 }, { rank: 1.5 }, { rank: 2, targetModules: ['c_attn'] }])('%j is refused', (wrong) => {
  expect(() => loraParameters(config, wrong)).toThrow(RangeError);
});
