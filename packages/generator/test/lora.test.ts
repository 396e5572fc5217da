import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  initializeLora,
  type LoraConfig,
  loadModel,
  loraStateDict,
  mergeLora,
  saveLora,
  type Weights,
} from '@forge/models';
import { Random } from '@forge/tensor';
import { openStore, policyVersionPrefix } from '@forge/torchstore';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Generator } from '../src/generator.ts';
import { openModel } from '../src/open-model.ts';
import { resolveSamplingParams } from '../src/sampling/sampling-params.ts';
import { type ModelFolder, makeModelFolder } from './model-folder.ts';

const lora: LoraConfig = { rank: 3, alpha: 12, targetModules: ['q_proj', 'down_proj'] };
const ids = [5, 80, 33, 12];
const sampling = { maxTokens: 12, seed: 4 };
let folder: ModelFolder;
beforeAll(async () => {
  folder = await makeModelFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

/** Adapters that change the model. */
function adapters(seed: number): Weights {
  const random = new Random(seed);
  const weights = initializeLora(folder.config, lora, seed);
  for (const { data } of Object.values(weights)) for (let i = 0; i < data.length; i++) data[i]! += random.normal();
  return weights;
}

/** What the model generates with weights that adapters were merged into elsewhere; `undefined`: without adapters. */
async function expected(adapted: Weights | undefined) {
  const { config, weights } = await loadModel(folder.path);
  await using model = await openModel(folder.path, { threads: 1 });
  if (adapted) await model.engine.update(mergeLora(config, { ...weights, ...adapted }, lora), 1, 'drain');
  const [completion] = await model.engine.generate({ text: '', ids }, resolveSamplingParams(sampling));
  return completion!;
}

test('a generator that is started with adapters computes with the merged weights, bit for bit', async () => {
  const path = await mkdtemp(join(tmpdir(), 'forge-adapters-'));
  try {
    await saveLora(path, { config: folder.config, lora, weights: adapters(1) });
    await using generator = await Generator.options({ kind: 'inline' }).asActor({
      model: folder.path,
      lora: path,
      threads: 1,
    });
    const [completion] = await generator.generate.callOne(ids, sampling);
    const { tokenIds, logProbs } = await expected(adapters(1));
    expect(completion).toMatchObject({ tokenIds, logProbs });
    expect((await expected(undefined)).logProbs).not.toEqual(logProbs);
  } finally {
    await rm(path, { recursive: true });
  }
});

test('adapters alone are a version: each is merged into the weights of the folder', async () => {
  await using store = await openStore({ kind: 'inline' });
  const put = (version: number) =>
    store.putStateDict(policyVersionPrefix(version), {
      ...loraStateDict(folder.config, { lora, weights: adapters(version) }),
    });
  await using generator = await Generator.options({ kind: 'inline' }).asActor({
    model: folder.path,
    store: store.reference,
    threads: 1,
  });
  for (const version of [1, 2]) {
    await put(version);
    await generator.updateWeights.callOne(version);
    const [completion] = await generator.generate.callOne(ids, sampling);
    const { tokenIds, logProbs } = await expected(adapters(version));
    expect(completion).toMatchObject({ tokenIds, logProbs, versions: new Int32Array(12).fill(version) });
  }
});

test.each([undefined, lora])(
  'packed weights are multiplied beside adapters that come as versions; foretold: %o',
  async (foretold) => {
    await using store = await openStore({ kind: 'inline' });
    await using generator = await Generator.options({ kind: 'inline' }).asActor({
      model: folder.path,
      store: store.reference,
      packedWeights: true,
      threads: 1,
      ...(foretold && { lora: foretold }),
    });
    const [unadapted] = await generator.generate.callOne(ids, sampling);
    expect(unadapted!.logProbs).toSatisfy(near((await expected(undefined)).logProbs));
    for (const version of [1, 2]) {
      const stateDict = loraStateDict(folder.config, { lora, weights: adapters(version) });
      await store.putStateDict(policyVersionPrefix(version), { ...stateDict });
      await generator.updateWeights.callOne(version);
      const [completion] = await generator.generate.callOne(ids, sampling);
      const { tokenIds, logProbs } = await expected(adapters(version));
      expect(completion!.tokenIds).toEqual(tokenIds);
      expect(completion!.logProbs).toSatisfy(near(logProbs));
    }
  },
);

/** Whether numbers are within 1e-5 of others. */
const near = (others: Float32Array) => (values: Float32Array) =>
  values.every((value, at) => Math.abs(value - others[at]!) < 1e-5);

test('adapters of another model are refused, and the weights stay', async () => {
  await using store = await openStore({ kind: 'inline' });
  const { lora: described, ...tensors } = loraStateDict(folder.config, { lora, weights: adapters(1) });
  const [first, ...others] = Object.entries(tensors);
  const versions = [
    { lora: described!, ...Object.fromEntries(others) },
    { lora: described!, ...tensors, stranger: first![1] },
    { lora: { rank: 2, alpha: 1, targetModules: ['q_proj', 'down_proj'] }, ...tensors },
    { lora: { rank: 'three' }, ...tensors },
  ];
  await using generator = await Generator.options({ kind: 'inline' }).asActor({
    model: folder.path,
    store: store.reference,
    threads: 1,
  });
  for (const [version, stateDict] of versions.entries()) {
    await store.putStateDict(policyVersionPrefix(version + 1), stateDict);
    await expect(generator.updateWeights.callOne(version + 1)).rejects.toMatchObject({
      cause: { code: 'ERR_GENERATOR_WEIGHTS_MISMATCH', version: version + 1 },
    });
  }
  expect(await generator.getVersion.callOne()).toBe(0);
});
