import { expect, test } from 'vitest';
import { policyLoss } from '../src/losses/policy.ts';
import { openTraining } from '../src/open-training.ts';
import type { Sequence } from '../src/packing/sequence.ts';
import type { GrpoTargets, StepOptions, Targets } from '../src/step-batch.ts';
import { trainStep } from '../src/train-step.ts';
import { compare } from './golden-model.ts';
import { tinyModel } from './tiny-model.ts';

const model = tinyModel(2);

const inputs: readonly Sequence[] = [
  { promptIds: [1, 2, 3], tokenIds: [4, 5] },
  { promptIds: [1, 2, 3], tokenIds: [6, 7, 8, 9] },
  { promptIds: [5], tokenIds: [10] },
];

async function grpoTargets(): Promise<GrpoTargets> {
  await using training = await openTraining(model);
  const { logProbs } = await training.forward(inputs);
  const shifted = (by: number): Float32Array[] =>
    logProbs.map((row) => row.map((logProb, t) => logProb + (t % 2 ? by : -by)));
  return { loss: 'grpo', advantages: [1, -1, 0.5], samplerLogProbs: shifted(0.3), refLogProbs: shifted(-0.1) };
}

test('a grpo step is the policy loss of the scores, its weights as the gradient, and one AdamW step', async () => {
  const targets = await grpoTargets();
  const options: StepOptions = { loss: { beta: 0.1 }, temperature: 0.8 };
  await using training = await openTraining(model);
  await using manual = await openTraining(model);
  const step = await trainStep(training, { inputs, targets }, options);

  const { logProbs, entropy } = await manual.forward(inputs, { temperature: 0.8 });
  const { samplerLogProbs, refLogProbs, advantages } = targets;
  const loss = policyLoss(
    { logProbs, oldLogProbs: samplerLogProbs, samplerLogProbs, refLogProbs: refLogProbs!, advantages },
    options.loss,
  );
  await manual.forwardBackward(inputs, loss.weights, { temperature: 0.8 });
  expect(step).toEqual({
    loss: loss.loss,
    ...manual.optimizerStep(),
    step: 1,
    tokens: 7,
    metrics: {
      ...loss.metrics,
      entropy: expect.closeTo(entropy.flatMap((row) => Array.from(row)).reduce((a, b) => a + b) / 7, 5),
    },
  });
  expect(compare(training.weights, manual.weights).worst).toBe(0);
});

test('one step is the same whatever the number of micro-batches', async () => {
  const targets = await grpoTargets();
  await using whole = await openTraining(model, { maxTokensPerMicroBatch: 10_000 });
  await using split = await openTraining(model, { maxTokensPerMicroBatch: 1 });
  const [one, many] = [await trainStep(whole, { inputs, targets }), await trainStep(split, { inputs, targets })];
  expect(many.loss).toBeCloseTo(one.loss, 6);
  expect(many.gradNorm).toBeCloseTo(one.gradNorm, 5);
  expect([one.step, many.step]).toEqual([1, 1]);
});

test('the ratio is taken to the sampler, and to the current policy with a correction', async () => {
  const targets = await grpoTargets();
  await using training = await openTraining(model);
  const plain = await trainStep(training, { inputs, targets });
  expect(plain.metrics['ratio/max']).toBeGreaterThan(1.2);
  await using corrected = await openTraining(model);
  const loss = { correction: { mode: 'token_truncate', max: 2 } } as const;
  const { metrics } = await trainStep(corrected, { inputs, targets }, { loss });
  expect(metrics['ratio/max']).toBe(1);
  expect(metrics['sampling/importance_sampling_ratio/mean']).not.toBe(1);
});

test('advantages of 0 move nothing but the decay, and the KL metric is still reported', async () => {
  const targets = { ...(await grpoTargets()), advantages: [0, 0, 0] };
  await using training = await openTraining(model, { optimizer: { weightDecay: 0 } });
  const { gradNorm, metrics } = await trainStep(training, { inputs, targets });
  expect(gradNorm).toBe(0);
  expect(metrics['kl']).toBeGreaterThan(0);
  expect(compare(training.weights, model.weights).worst).toBe(0);
});

test('tokens that are masked out are neither counted nor learned', async () => {
  await using training = await openTraining(model);
  await using other = await openTraining(model);
  const masks = [[1, 0], [1, 1, 0, 0], [1]];
  const result = await trainStep(training, { inputs, targets: { loss: 'sft', masks } });
  const cut = inputs.map((sequence, b) => ({
    ...sequence,
    tokenIds: sequence.tokenIds.filter((_, t) => masks[b]![t] === 1),
  }));
  const expected = await trainStep(other, { inputs: cut, targets: { loss: 'sft' } });
  expect(result.tokens).toBe(4);
  expect(result.loss).toBeCloseTo(expected.loss, 5);
  expect(result.gradNorm).toBeCloseTo(expected.gradNorm, 4);
});

test('an sft step may bring its own learning rate', async () => {
  await using training = await openTraining(model, { schedule: { kind: 'linear', totalSteps: 1 } });
  const targets = { loss: 'sft', learningRate: 0.125 } as const;
  expect((await trainStep(training, { inputs, targets })).learningRate).toBe(0.125);
});

const wrong: { what: string; inputs?: Sequence[]; targets: object; options?: StepOptions; code: string }[] = [
  { what: 'too few advantages', targets: { advantages: [1] }, code: 'ERR_TRAINER_LOSS_INPUT' },
  {
    what: 'log-probabilities of another length',
    targets: { samplerLogProbs: [[-1], [-1], [-1]] },
    code: 'ERR_TRAINER_LOSS_INPUT',
  },
  {
    what: 'an infinite advantage',
    targets: { advantages: [1, Number.POSITIVE_INFINITY, 1] },
    code: 'ERR_TRAINER_LOSS_INPUT',
  },
  {
    what: 'no reference under a KL term',
    targets: { refLogProbs: undefined },
    options: { loss: { beta: 1 } },
    code: 'ERR_TRAINER_LOSS_INPUT',
  },
  {
    what: 'log-probabilities that are not numbers',
    targets: { samplerLogProbs: [[-1, Number.NaN], [-1, -1, -1, -1], [-1]] },
    code: 'ERR_TRAINER_NON_FINITE_LOSS',
  },
  {
    what: 'an id outside the vocabulary',
    inputs: [{ promptIds: [99], tokenIds: [1, 2] }, ...inputs.slice(1)],
    targets: {},
    code: 'ERR_TRAINER_BATCH',
  },
];

test.each(wrong)(
  '$what: a typed error, and nothing changes',
  async ({ inputs: given = inputs, targets, options, code }) => {
    await using training = await openTraining(model);
    const bad = { ...(await grpoTargets()), ...targets } as Targets; // a caller without types
    await expect(trainStep(training, { inputs: given, targets: bad }, options)).rejects.toMatchObject({ code });
    expect(training.steps).toBe(0);
    expect(compare(training.weights, model.weights).worst).toBe(0);
  },
);

test.each([
  { loss: { name: 'grpo2' } },
  { loss: { klEstimator: 'k4' } },
  { loss: { correction: { mode: 'none' } } },
  { loss: { correction: 'on' } },
  { loss: { correction: { mode: 'token_mask', min: 2, max: 1 } } },
  { loss: { klIn: 'loss and reward' } },
  { loss: { oldPolicy: 'older' } },
  { loss: { beta: -1 } },
  { loss: { name: 'dr_grpo' } },
  { temperature: 0 },
])('options %j, as a file may hold them, are refused', async (options) => {
  await using training = await openTraining(model);
  const run = trainStep(training, { inputs, targets: await grpoTargets() }, options as StepOptions);
  await expect(run).rejects.toMatchObject({ code: 'ERR_TRAINER_OPTION' });
});
