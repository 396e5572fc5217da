import { expect, test } from 'vitest';
import { type KlEstimator, klEstimators } from '../../src/losses/kl.ts';
import { type PolicyLossOptions, policyLoss } from '../../src/losses/policy.ts';
import { readGolden } from '../golden-file.ts';

type Grid = readonly (readonly number[])[];
type Cube = readonly Grid[];

const { torchforge } = readGolden<{
  readonly torchforge: {
    readonly simple_grpo_loss: readonly {
      readonly logits: Cube;
      readonly response: Grid;
      readonly ref_logprobs: Grid;
      readonly advantages: Grid;
      readonly padding_mask: Grid;
      readonly beta: number;
      readonly loss: number;
      readonly grad_logits: Cube;
    }[];
    readonly SimpleGRPOLoss: readonly {
      readonly logprobs: Grid;
      readonly ref_logprobs: Grid;
      readonly advantages: Grid;
      readonly padding_mask: Grid;
      readonly beta: number;
      readonly loss: number;
      readonly grad_logprobs: Grid;
    }[];
    readonly ReinforceLoss: readonly {
      readonly trainer_logits: Cube;
      readonly target_ids: Grid;
      readonly target_mask: Grid;
      readonly target_weights: Grid;
      readonly target_log_probs: Grid;
      readonly loss: number;
      readonly grad_logits: Cube;
    }[];
  };
}>('losses.json');

const logSoftmax = (logits: readonly number[]): number[] => {
  const max = Math.max(...logits);
  const sum = max + Math.log(logits.reduce((total, logit) => total + Math.exp(logit - max), 0));
  return logits.map((logit) => logit - sum);
};

/** `dL/dlogits = weight·(onehot − softmax)`: what the training graph computes from the weights. */
const logitGradient = (logits: readonly number[], id: number, weight: number): number[] =>
  logSoftmax(logits).map((logProb, v) => weight * (Number(v === id) - Math.exp(logProb)));

function expectClose(actual: Grid, expected: Grid, tolerance = 1e-5): void {
  for (const [i, row] of expected.entries()) {
    for (const [j, value] of row.entries()) expect(Math.abs(actual[i]![j]! - value)).toBeLessThan(tolerance);
  }
}

test('simple_grpo is SimpleGRPOLoss', () => {
  expect(torchforge.SimpleGRPOLoss.length).toBeGreaterThan(0);
  for (const golden of torchforge.SimpleGRPOLoss) {
    const { loss, weights } = policyLoss(
      {
        logProbs: golden.logprobs,
        refLogProbs: golden.ref_logprobs,
        advantages: golden.advantages.map(([advantage]) => advantage!),
        masks: golden.padding_mask,
      },
      { name: 'simple_grpo', beta: golden.beta },
    );
    expect(loss).toBeCloseTo(golden.loss, 5);
    expectClose(
      weights.map((row) => Array.from(row)),
      golden.grad_logprobs,
    );
  }
});

test('simple_grpo has the gradient of simple_grpo_loss by the logits', () => {
  expect(torchforge.simple_grpo_loss.length).toBeGreaterThan(0);
  for (const golden of torchforge.simple_grpo_loss) {
    // The logits cover prompt and response; the last one predicts past the end.
    const first = golden.logits[0]!.length - golden.response[0]!.length - 1;
    const logProbs = golden.response.map((ids, b) =>
      ids.map((id, t) => logSoftmax(golden.logits[b]![first + t]!)[id]!),
    );
    const { loss, weights } = policyLoss(
      {
        logProbs,
        refLogProbs: golden.ref_logprobs,
        advantages: golden.advantages.map(([advantage]) => advantage!),
        masks: golden.padding_mask,
      },
      { name: 'simple_grpo', beta: golden.beta },
    );
    expect(loss).toBeCloseTo(golden.loss, 5);
    for (const [b, ids] of golden.response.entries()) {
      const own = golden.logits[b]!;
      const gradient = own.map((logits, position) => {
        const t = position - first;
        return t < 0 || t >= ids.length ? logits.map(() => 0) : logitGradient(logits, ids[t]!, weights[b]![t]!);
      });
      expectClose(gradient, golden.grad_logits[b]!);
    }
  }
});

test('reinforce is ReinforceLoss, with an advantage a token and weights within 0.1 and 10', () => {
  expect(torchforge.ReinforceLoss.length).toBeGreaterThan(0);
  for (const golden of torchforge.ReinforceLoss) {
    const ids = golden.target_ids;
    const { loss, weights } = policyLoss(
      {
        logProbs: ids.map((row, b) => row.map((id, t) => logSoftmax(golden.trainer_logits[b]![t]!)[id]!)),
        samplerLogProbs: golden.target_log_probs,
        advantages: golden.target_weights,
        masks: golden.target_mask,
      },
      { name: 'reinforce' },
    );
    expect(loss).toBeCloseTo(golden.loss, 5);
    for (const [b, row] of golden.trainer_logits.entries()) {
      expectClose(
        row.map((logits, t) => logitGradient(logits, ids[b]![t]!, weights[b]![t]!)),
        golden.grad_logits[b]!,
      );
    }
  }
});

const upstream = readGolden<{
  readonly B: number;
  readonly S: number;
  readonly V: number;
  readonly logits: readonly number[];
  readonly target_ids: readonly number[];
  readonly old_logprobs: readonly number[];
  readonly ref_logprobs: readonly number[];
  readonly advantages: readonly number[];
  readonly loss_mask: readonly number[];
  readonly expected_loss_and_grad_norm: Readonly<Record<string, readonly [loss: number, gradNorm: number]>>;
}>('rl_losses_upstream.json');

const rows = (flat: readonly number[], width: number): number[][] =>
  Array.from({ length: flat.length / width }, (_, i) => flat.slice(i * width, (i + 1) * width));

const logits = rows(upstream.logits, upstream.V);
const ids = upstream.target_ids;
const batch = {
  logProbs: rows(
    logits.map((row, i) => logSoftmax(row)[ids[i]!]!),
    upstream.S,
  ),
  oldLogProbs: rows(upstream.old_logprobs, upstream.S),
  refLogProbs: rows(upstream.ref_logprobs, upstream.S),
  advantages: rows(upstream.advantages, upstream.S),
  masks: rows(upstream.loss_mask, upstream.S),
};

const norm = (values: readonly number[]): number => Math.hypot(...values);

const settings: Readonly<Record<string, PolicyLossOptions>> = {
  grpo: { name: 'dr_grpo', beta: 0.1, maxCompletionLength: upstream.S },
  dapo: { name: 'dapo', dualClip: 3 },
  gspo: { name: 'gspo_token', epsilonLow: 1, epsilonHigh: 0.2 },
  cispo: { name: 'cispo' },
  sapo: { name: 'sapo' },
};

test.each(Object.keys(settings))(`%s gives the loss and gradient norm of torchforge's own test`, (name) => {
  const [expectedLoss, expectedNorm] = upstream.expected_loss_and_grad_norm[name]!;
  const { loss, weights } = policyLoss(batch, settings[name]);
  const flat = weights.flatMap((row) => Array.from(row));
  const gradient = logits.flatMap((row, i) => logitGradient(row, ids[i]!, flat[i]!));
  expect(Math.abs(loss - expectedLoss)).toBeLessThan(1e-5);
  expect(Math.abs(norm(gradient) - expectedNorm)).toBeLessThan(1e-5);
});

test.each(['k1', 'k2', 'k3'] as const)(
  `%s gives the masked mean and gradient norm of torchforge's own test`,
  (name: KlEstimator) => {
    const [expectedMean, expectedNorm] = upstream.expected_loss_and_grad_norm[name]!;
    const active = upstream.loss_mask.flatMap((mask, i) => (mask === 0 ? [] : [i]));
    const terms = active.map((i) => klEstimators[name](batch.logProbs.flat()[i]! - upstream.ref_logprobs[i]!));
    const mean = terms.reduce((sum, { value }) => sum + value, 0) / active.length;
    expect(Math.abs(mean - expectedMean)).toBeLessThan(1e-5);
    expect(Math.abs(norm(terms.map(({ slope }) => slope / active.length)) - expectedNorm)).toBeLessThan(1e-5);
  },
);
