import { thisHost } from '@forge/monarch';
import { MetricLogger } from '@forge/observability';
import { openStore } from '@forge/torchstore';
import { expect, test } from 'vitest';
import { openTraining } from '../src/open-training.ts';
import type { Sequence } from '../src/packing/sequence.ts';
import type { Targets } from '../src/step-batch.ts';
import { trainStep } from '../src/train-step.ts';
import { Trainer, type TrainerOptions } from '../src/trainer.ts';
import { compare } from './golden-model.ts';
import { modelFolder, temporaryFolder } from './model-folder.ts';
import { tinyModel } from './tiny-model.ts';

const model = tinyModel(6);

const inputs: readonly Sequence[] = [
  { promptIds: [1, 2, 3], tokenIds: [4, 5, 6] },
  { promptIds: [8, 9], tokenIds: [10] },
];

const targets: Targets = {
  loss: 'grpo',
  advantages: [1, -1],
  samplerLogProbs: [Float32Array.of(-3, -3, -3), Float32Array.of(-3)],
  refLogProbs: [Float32Array.of(-3, -3, -3), Float32Array.of(-3)],
};

const settings = {
  loss: { beta: 0.05 },
  temperature: 0.9,
  schedule: { kind: 'linear', totalSteps: 4 },
  threads: 1,
} as const;

test.each(['inline', 'process'] as const)('the actor (%s) takes the steps of trainStep', async (kind) => {
  await using folder = await modelFolder(model);
  await using training = await openTraining(model, settings);
  await using procs = await thisHost().spawnProcs({ kind });
  await using trainer = await procs.spawn('trainer', Trainer, { model: folder.path, ...settings });
  for (let step = 0; step < 2; step++) {
    const expected = await trainStep(training, { inputs, targets }, settings);
    expect(await trainer.trainStep.callOne(inputs, targets)).toEqual(expected);
    expect(await trainer.forward.callOne(inputs)).toEqual(await training.forward(inputs));
  }
  expect(compare(await trainer.getWeights.callOne(), training.weights).worst).toBe(0);
});

test('what a step recorded comes to a logger', async () => {
  await using folder = await modelFolder(model);
  await using trainer = await Trainer.asActor({ model: folder.path, ...settings });
  await using logger = new MetricLogger([], { warn: (line) => expect.unreachable(line) });
  await logger.observe(async () => [await trainer.drainMetrics.callOne()]);
  await logger.flush(0); // what other tests recorded in this process
  const { loss, gradNorm, tokens } = await trainer.trainStep.callOne(inputs, targets);
  expect(await logger.flush(1)).toMatchObject({
    'rl_trainer/loss': loss,
    'rl_trainer/grad_norm': gradNorm,
    'rl_trainer/tokens': tokens,
  });
  expect(await logger.flush(2)).toEqual({ step: 2 });
});

test('resetOptimizer begins a phase of its own schedule', async () => {
  await using folder = await modelFolder(model);
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  await using trainer = await procs.spawn('trainer', Trainer, { model: folder.path, ...settings });
  const rate = async (): Promise<number> => (await trainer.trainStep.callOne(inputs, targets)).learningRate;
  expect([await rate(), await rate()]).toEqual([1e-3, 0.75e-3]);
  await trainer.resetOptimizer.callOne({ kind: 'linear', totalSteps: 2 });
  expect([await rate(), await rate()]).toEqual([1e-3, 0.5e-3]);
});

test('pushed weights are in the store under their version, bit for bit, and stay when training goes on', async () => {
  await using folder = await modelFolder(model);
  await using store = await openStore({ kind: 'inline' });
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  const options: TrainerOptions = { model: folder.path, store: store.reference, ...settings };
  await using trainer = await procs.spawn('trainer', Trainer, options);
  await trainer.trainStep.callOne(inputs, targets);
  const pushed = await trainer.getWeights.callOne();
  await trainer.pushWeights.callOne(7);
  await trainer.trainStep.callOne(inputs, targets);
  const name = 'model.norm.weight';
  const stored = await store.get(`policy_ver_0000000007.${name}`);
  expect(stored.shape).toEqual(pushed[name]!.shape);
  expect(stored.data).toEqual(pushed[name]!.data);
  expect((await store.keys('policy_ver_0000000007')).length).toBeGreaterThanOrEqual(Object.keys(pushed).length);
  expect((await trainer.getWeights.callOne())[name]!.data).not.toEqual(pushed[name]!.data);
});

test('a trainer in a process of its own pushes weights that another process reads', async () => {
  await using folder = await modelFolder(model);
  await using store = await openStore();
  await using trainer = await Trainer.asActor({ model: folder.path, store: store.reference, ...settings });
  await trainer.pushWeights.callOne(1);
  const stored = await store.getStateDict('policy_ver_0000000001');
  for (const [name, { data }] of Object.entries(model.weights)) {
    expect(stored[name]).toMatchObject({ dtype: 'float32', data });
  }
});

test('without a store pushWeights says what is missing', async () => {
  await using folder = await modelFolder(model);
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  await using trainer = await procs.spawn('trainer', Trainer, { model: folder.path });
  await expect(trainer.pushWeights.callOne(1)).rejects.toMatchObject({
    cause: { code: 'ERR_TRAINER_NOT_CONFIGURED', option: 'store' },
  });
});

test('saved weights are a model folder that opens again to the same weights', async () => {
  await using folder = await modelFolder(model);
  await using saved = await temporaryFolder();
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  await using trainer = await procs.spawn('trainer', Trainer, { model: folder.path, ...settings });
  await trainer.trainStep.callOne(inputs, targets);
  await trainer.saveWeights.callOne(saved.path);
  await using again = await openTraining(saved.path);
  expect(compare(again.weights, await trainer.getWeights.callOne()).worst).toBe(0);
});

test('a checkpoint of one actor goes on in another', async () => {
  await using folder = await modelFolder(model);
  await using saved = await temporaryFolder();
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  const options: TrainerOptions = { model: folder.path, ...settings };
  await using first = await procs.spawn('first', Trainer, options);
  await first.trainStep.callOne(inputs, targets);
  await first.saveCheckpoint.callOne(`${saved.path}/step-1`);
  await using second = await procs.spawn('second', Trainer, options);
  await second.loadCheckpoint.callOne(`${saved.path}/step-1`);
  expect(await second.trainStep.callOne(inputs, targets)).toEqual(await first.trainStep.callOne(inputs, targets));
});

test('a step that fails is the error of that call, and the trainer goes on from the same weights', async () => {
  await using folder = await modelFolder(model);
  await using procs = await thisHost().spawnProcs({ kind: 'inline' });
  await using trainer = await procs.spawn('trainer', Trainer, { model: folder.path });
  const broken: Targets = { ...targets, samplerLogProbs: [Float32Array.of(-3, Number.NaN, -3), Float32Array.of(-3)] };
  await expect(trainer.trainStep.callOne(inputs, broken)).rejects.toMatchObject({
    code: 'ERR_MONARCH_ACTOR',
    cause: { code: 'ERR_TRAINER_NON_FINITE_LOSS', step: 1 },
  });
  expect(compare(await trainer.getWeights.callOne(), model.weights).worst).toBe(0);
  expect((await trainer.trainStep.callOne(inputs, targets)).step).toBe(1);
});
