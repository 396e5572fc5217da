import { expect, test } from 'vitest';
import { openTraining } from '../src/open-training.ts';
import { readGolden } from './golden-file.ts';
import { lookupModel } from './lookup-model.ts';

type Grid = readonly (readonly number[])[];

const { torchforge } = readGolden<{
  readonly torchforge: {
    readonly compute_logprobs: readonly {
      readonly logits: readonly Grid[];
      readonly input_ids: Grid;
      readonly temperature: number;
      /** The logits are those of a prompt and its completion: each predicts the token after it. */
      readonly align: boolean;
      readonly logprobs: Grid;
    }[];
  };
}>('losses.json');

test.each(torchforge.compute_logprobs)(
  'at temperature $temperature, aligned: $align, log-probabilities are those of compute_logprobs',
  async ({ logits, input_ids: ids, temperature, align, logprobs }) => {
    for (const [b, row] of ids.entries()) {
      const rows = align ? logits[b]!.slice(-row.length - 1, -1) : logits[b]!;
      await using training = await openTraining(lookupModel(rows), { threads: 1 });
      const inputs = row.map((id, t) => ({ promptIds: [t], tokenIds: [id] }));
      const scores = await training.forward(inputs, { temperature });
      for (const [t, expected] of logprobs[b]!.entries()) {
        expect(Math.abs(scores.logProbs[t]![0]! - expected)).toBeLessThan(1e-5);
      }
    }
  },
);

const upstream = readGolden<{
  readonly V: number;
  readonly logits: readonly number[];
  readonly loss_mask: readonly number[];
  readonly expected_loss_and_grad_norm: Readonly<Record<string, readonly [mean: number, gradNorm: number]>>;
}>('rl_losses_upstream.json');

test(`entropy has the masked mean and gradient norm of torchforge's own test`, async () => {
  const { V, logits, loss_mask: masks, expected_loss_and_grad_norm: expected } = upstream;
  const rows = Array.from({ length: logits.length / V }, (_, i) => logits.slice(i * V, (i + 1) * V));
  await using training = await openTraining(lookupModel(rows), { entropyBonus: 1 });
  const active = masks.flatMap((mask, i) => (mask === 0 ? [] : [i]));
  let mean = 0;
  let squares = 0;
  for (const i of active) {
    training.zeroGradients();
    const inputs = [{ promptIds: [i], tokenIds: [0] }];
    const { entropy } = await training.forwardBackward(inputs, [[0]], { entropyWeight: 1 / active.length });
    mean += entropy[0]![0]! / active.length;
    // The gradient of the head is that of the logits times the normed input, whose square is the model's width.
    const { data } = training.gradients['lm_head.weight']!;
    squares += data.reduce((sum, g) => sum + g * g, 0) / training.config.hiddenSize;
  }
  const [expectedMean, expectedNorm] = expected['entropy']!;
  expect(Math.abs(mean - expectedMean)).toBeLessThan(1e-5);
  expect(Math.abs(Math.sqrt(squares) - expectedNorm)).toBeLessThan(1e-5);
});
