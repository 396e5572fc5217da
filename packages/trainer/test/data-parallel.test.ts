import { thisHost } from '@forge/monarch';
import { Random } from '@forge/tensor';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DataParallelTrainer, shareOut } from '../src/data-parallel/data-parallel-trainer.ts';
import { TrainerRank } from '../src/data-parallel/trainer-rank.ts';
import { openTraining } from '../src/open-training.ts';
import type { Sequence } from '../src/sequence.ts';
import type { Targets } from '../src/step-batch.ts';
import { trainStep } from '../src/train-step.ts';
import { compare } from './golden-model.ts';
import { modelFolder } from './model-folder.ts';
import { tinyModel } from './tiny-model.ts';

const model = tinyModel(8);
const settings = { loss: { beta: 0.05 }, temperature: 0.9, threads: 1, optimizer: { learningRate: 1e-3 } } as const;

/** Ragged groups, a policy step and a supervised one. */
function batches(): { inputs: Sequence[]; targets: Targets }[] {
  const random = new Random('ranks');
  const ids = (length: number): number[] => Array.from({ length }, () => random.integer(24));
  const inputs = [3, 5, 1, 2, 4].flatMap((size) => {
    const promptIds = ids(2 + random.integer(9));
    return Array.from({ length: size }, () => ({ promptIds, tokenIds: ids(1 + random.integer(9)) }));
  });
  const near = (): Float32Array[] =>
    inputs.map(({ tokenIds }) => Float32Array.from(tokenIds, () => -3 + 0.2 * random.normal()));
  const grpo: Targets = {
    loss: 'grpo',
    advantages: inputs.map(() => random.normal()),
    samplerLogProbs: near(),
    refLogProbs: near(),
    masks: inputs.map(({ tokenIds }) => tokenIds.map((_, t) => (t % 4 === 2 ? 0 : 1))),
  };
  return [
    { inputs, targets: grpo },
    { inputs, targets: { loss: 'sft', learningRate: 1e-3 } },
    { inputs, targets: grpo },
  ];
}

test.each([
  { kind: 'inline', ranks: 3 },
  { kind: 'process', ranks: 2 },
  { kind: 'inline', ranks: 7 },
] as const)(
  '$ranks ranks ($kind) give the numbers of one, and equal each other bit for bit',
  async ({ kind, ranks }) => {
    await using folder = await modelFolder(model);
    await using alone = await openTraining(model, settings);
    await using procs = await thisHost().spawnProcs({ kind, perHost: { rank: ranks } });
    await using mesh = await procs.spawn('trainers', TrainerRank, { model: folder.path, ...settings });
    const together = await DataParallelTrainer.connect(mesh, settings);
    for (const { inputs, targets } of batches()) {
      const expected = await trainStep(alone, { inputs, targets }, settings);
      const { loss, gradNorm, metrics, ...counts } = await together.trainStep(inputs, targets);
      expect(loss).toBeCloseTo(expected.loss, 5);
      expect(Math.abs(gradNorm - expected.gradNorm)).toBeLessThan(1e-4 * Math.max(1, expected.gradNorm));
      expect(Object.keys(metrics)).toEqual(Object.keys(expected.metrics));
      expect(counts).toEqual({ learningRate: expected.learningRate, tokens: expected.tokens, step: expected.step });
    }
    const [first, ...others] = (await mesh.getWeights.call()).toArray();
    for (const weights of others) expect(compare(weights, first!).worst).toBe(0);
    // AdamW turns the rounding of gradients near 0 into a visible part of a step of 1e-3.
    expect(compare(first!, alone.weights).mean).toBeLessThan(1e-6);
  },
);

test('a loss that is not a number changes no rank', async () => {
  await using folder = await modelFolder(model);
  await using procs = await thisHost().spawnProcs({ kind: 'inline', perHost: { rank: 2 } });
  await using mesh = await procs.spawn('trainers', TrainerRank, { model: folder.path, ...settings });
  const together = await DataParallelTrainer.connect(mesh, settings);
  const [{ inputs, targets }] = batches() as [{ inputs: Sequence[]; targets: Targets & { loss: 'grpo' } }];
  const samplerLogProbs = inputs.map(({ tokenIds }) => tokenIds.map(() => Number.NaN));
  await expect(together.trainStep(inputs, { ...targets, samplerLogProbs })).rejects.toMatchObject({
    code: 'ERR_TRAINER_NON_FINITE_LOSS',
    step: 1,
  });
  for (const weights of (await mesh.getWeights.call()).values()) expect(compare(weights, model.weights).worst).toBe(0);
  expect((await together.trainStep(inputs, targets)).step).toBe(1);
});

test('every sequence is in one share, and a group in one share as a whole', () => {
  const sequence = fc.record({
    promptIds: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 2 }),
    tokenIds: fc.array(fc.nat(9), { maxLength: 9 }),
  });
  fc.assert(
    fc.property(fc.array(sequence, { maxLength: 20 }), fc.integer({ min: 1, max: 6 }), (inputs, ranks) => {
      const shares = shareOut(inputs, ranks);
      expect(shares).toHaveLength(ranks);
      expect(shares.flat().toSorted((a, b) => a - b)).toEqual([...inputs.keys()]);
      const homes = shares.map((places) => new Set(places.map((b) => inputs[b]!.promptIds.join())));
      for (const key of new Set(homes.flatMap((home) => [...home]))) {
        expect(homes.filter((home) => home.has(key))).toHaveLength(1);
      }
    }),
  );
});
