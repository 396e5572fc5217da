import { initializeLora, type LoraConfig, loadLora, loraOf, loraParameters, mergeLora } from '@forge/models';
import { thisHost } from '@forge/monarch';
import { openStore, policyVersionPrefix } from '@forge/torchstore';
import { expect, test } from 'vitest';
import { openTraining } from '../src/open-training.ts';
import type { Sequence } from '../src/packing/sequence.ts';
import { trainStep } from '../src/train-step.ts';
import { Trainer } from '../src/trainer.ts';
import type { TrainingOptions } from '../src/training-options.ts';
import { compare } from './golden-model.ts';
import { modelFolder, temporaryFolder } from './model-folder.ts';
import { tinyModel } from './tiny-model.ts';

const model = tinyModel(3);
const inputs: readonly Sequence[] = [
  { promptIds: [1, 2], tokenIds: [3, 4, 5, 6] },
  { promptIds: [1, 2], tokenIds: [8, 7] },
];
const targets = { loss: 'sft' } as const;

/** The weights after two steps. */
async function trainedWith(options: TrainingOptions) {
  await using training = await openTraining(model, options);
  await trainStep(training, { inputs, targets });
  await trainStep(training, { inputs, targets });
  return training.weights;
}

test('a frozen weight stays as it is, and the others take the steps they would take', async () => {
  const unclipped = { maxGradNorm: 1e9 };
  const all = await trainedWith(unclipped);
  const some = await trainedWith({ ...unclipped, parameterGroups: [{ match: 'model.layers.1.*', frozen: true }] });
  for (const [name, { data }] of Object.entries(some)) {
    const isFrozen = name.startsWith('model.layers.1.');
    expect(data.every((value, i) => value === model.weights[name]!.data[i])).toBe(isFrozen);
  }
  await using training = await openTraining(model, { parameterGroups: [{ match: '*norm*', frozen: true }] });
  expect(Object.keys(training.gradients).some((name) => name.includes('norm'))).toBe(false);
  expect(Object.keys(training.moments[0])).toEqual(Object.keys(training.gradients));
  expect(Object.keys(some)).toEqual(Object.keys(all));
});

test('a group has its own decay and learning rate, and the first that fits counts', async () => {
  const options: TrainingOptions = {
    optimizer: { learningRate: 1e-2, weightDecay: 0.5 },
    parameterGroups: [
      { match: '*norm.weight', weightDecay: 0, learningRate: 0 },
      { match: 'model.*', learningRate: 2e-2 },
    ],
  };
  const grouped = await trainedWith(options);
  const plain = await trainedWith({
    optimizer: { learningRate: 2e-2, weightDecay: 0.5 },
    parameterGroups: [{ match: '*norm.weight', learningRate: 0 }],
  });
  expect(grouped['model.norm.weight']!.data).toEqual(model.weights['model.norm.weight']!.data);
  expect(compare(grouped, plain).worst).toBeLessThan(1e-7);
});

test.each([
  [{ match: 'model.layers.9.*', frozen: true }, /layers\.9/],
  [{ match: 'model.layers.0', frozen: true }, /layers\.0/],
  [{ match: '*', frozen: true }, /parameterGroups/],
] as const)('the group %j is refused', async (group, message) => {
  await expect(openTraining(model, { parameterGroups: [group] })).rejects.toThrow(message);
});

const lora: LoraConfig = { rank: 4, targetModules: ['q_proj', 'o_proj', 'up_proj'] };

test('with LoRA only the adapters are trained, and the loss falls', async () => {
  await using training = await openTraining(model, { lora, optimizer: { learningRate: 5e-2 } });
  const first = await trainStep(training, { inputs, targets });
  for (let step = 0; step < 40; step++) await trainStep(training, { inputs, targets });
  const last = await trainStep(training, { inputs, targets });
  // The tied head of small random weights bounds the logits, and so the loss from below.
  expect(last.loss).toBeLessThan(0.85 * first.loss);
  expect(Object.keys(training.gradients)).toEqual(loraParameters(model.config, lora).map(({ name }) => name));
  const base = Object.fromEntries(Object.keys(model.weights).map((name) => [name, training.weights[name]!]));
  expect(compare(base, model.weights).worst).toBe(0);

  await using merged = await openTraining({ config: model.config, weights: training.mergedWeights() });
  const [adapted, plain] = [await training.forward(inputs), await merged.forward(inputs)];
  for (const [b, row] of adapted.logProbs.entries()) {
    for (const [t, value] of row.entries()) expect(plain.logProbs[b]![t]).toBeCloseTo(value, 4);
  }
});

test('the actor stores adapters alone as a version', async () => {
  await using folder = await modelFolder(model);
  await using store = await openStore({ kind: 'inline' });
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  await using trainer = await procs.spawn('trainer', Trainer, { model: folder.path, lora, store: store.reference });
  await trainer.trainStep.callOne(inputs, targets);
  await trainer.pushAdapters.callOne(1);
  const stored = loraOf(model.config, await store.getStateDict(policyVersionPrefix(1)))!;
  const merged = mergeLora(model.config, { ...model.weights, ...stored.weights }, stored.lora);
  expect(compare(await trainer.getWeights.callOne(), merged).worst).toBe(0);
  await using whole = await procs.spawn('whole', Trainer, { model: folder.path, store: store.reference });
  await expect(whole.pushAdapters.callOne(2)).rejects.toMatchObject({ cause: { option: 'lora' } });
});

test('the actor writes adapters that are read back, and weights with them merged', async () => {
  await using folder = await modelFolder(model);
  await using out = await temporaryFolder();
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  await using trainer = await procs.spawn('trainer', Trainer, { model: folder.path, lora, threads: 1 });
  await trainer.trainStep.callOne(inputs, targets);
  await trainer.saveAdapters.callOne(out.path);
  const read = await loadLora(out.path, model.config);
  const merged = mergeLora(model.config, { ...model.weights, ...read.weights }, read.lora);
  expect(compare(await trainer.getWeights.callOne(), merged).worst).toBe(0);
  expect(compare(read.weights, initializeLora(model.config, lora, 0)).worst).toBeGreaterThan(0);
});
