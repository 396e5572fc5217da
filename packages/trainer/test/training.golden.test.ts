import { describe, expect, test } from 'vitest';
import { sftLoss } from '../src/losses/sft.ts';
import { openTraining } from '../src/open-training.ts';
import { trainStep } from '../src/train-step.ts';
import { compare, goldenModels, readGoldenModel } from './golden-model.ts';

describe.each(goldenModels)('%s', (name) => {
  test('scores every token as transformers does', async () => {
    const golden = await readGoldenModel(name);
    await using training = await openTraining(golden.folder);
    const { logProbs } = await training.forward(golden.sequences);
    for (const [b, row] of golden.logProbs.entries()) {
      expect(logProbs[b]!.length).toBe(row.length);
      for (const [t, value] of row.entries()) expect(Math.abs(logProbs[b]![t]! - value)).toBeLessThan(1e-4);
    }
    expect(Math.abs(sftLoss({ logProbs }).loss - golden.loss)).toBeLessThan(1e-5);
  });

  test('has the gradient of PyTorch for every parameter', async () => {
    const golden = await readGoldenModel(name);
    await using training = await openTraining(golden.folder);
    const { weights } = sftLoss({ logProbs: golden.logProbs });
    await training.forwardBackward(golden.sequences, weights);
    expect(compare(training.gradients, golden.gradients).worst).toBeLessThan(1e-5);
  });

  test('takes the five AdamW steps of PyTorch: losses, gradient norms and weights', async () => {
    const golden = await readGoldenModel(name);
    const { lr, betas, eps, weight_decay, max_grad_norm, per_step, loss_after } = golden.adamw;
    await using training = await openTraining(golden.folder, {
      optimizer: { learningRate: lr, betas, epsilon: eps, weightDecay: weight_decay },
      maxGradNorm: max_grad_norm,
    });
    for (const expected of per_step) {
      const step = await trainStep(training, { inputs: golden.sequences, targets: { loss: 'sft' } });
      expect(Math.abs(step.loss - expected.loss)).toBeLessThan(1e-5);
      expect(Math.abs(step.gradNorm - expected.grad_norm)).toBeLessThan(1e-4);
    }
    const { worst, mean } = compare(training.weights, golden.weightsAfter);
    expect(worst).toBeLessThan(5e-4);
    expect(mean).toBeLessThan(1e-6);
    const { logProbs } = await training.forward(golden.sequences);
    expect(Math.abs(sftLoss({ logProbs }).loss - loss_after)).toBeLessThan(1e-5);
  });
});
