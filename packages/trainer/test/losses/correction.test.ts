import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CorrectionMode, importanceWeights } from '../../src/losses/correction.ts';
import { policyLoss } from '../../src/losses/policy.ts';
import { readGolden } from '../golden-file.ts';

type Grid = readonly (readonly number[])[];

const { batches, importance_ratios: cases } = readGolden<{
  readonly batches: readonly { readonly old_logprobs: Grid; readonly sampler_logprobs: Grid; readonly mask: Grid }[];
  readonly importance_ratios: readonly {
    readonly batch: number;
    readonly correction: { readonly mode: CorrectionMode; readonly min: number | null; readonly max: number | null };
    /** One a token, or one a sequence. */
    readonly ratio: Grid;
  }[];
}>('losses.json');

test.each(cases)('$correction of batch $batch gives the weights of TRL', ({ batch, correction, ratio }) => {
  const { old_logprobs: old, sampler_logprobs: sampler, mask } = batches[batch]!;
  const { mode, min, max } = correction;
  for (const [b, row] of old.entries()) {
    const weights = importanceWeights(
      row.map((logProb, t) => logProb - sampler[b]![t]!),
      (t) => mask[b]![t] === 0,
      { mode, ...(min !== null && { min }), ...(max !== null && { max }) },
    );
    for (const [t, weight] of weights.entries()) {
      expect(Math.abs(weight - (ratio[b]![t] ?? ratio[b]![0]!))).toBeLessThan(1e-6);
    }
  }
});

test('where the sampler is the old policy, every weight is 1 and no mode changes anything', () => {
  const logProb = fc.double({ min: -6, max: -0.01, noNaN: true });
  const modes = fc.constantFrom<CorrectionMode>('token_truncate', 'token_mask', 'sequence_truncate', 'sequence_mask');
  fc.assert(
    fc.property(
      fc.array(logProb, { minLength: 1 }),
      fc.double({ min: -2, max: 2, noNaN: true }),
      modes,
      (row, advantage, mode) => {
        const batch = { logProbs: [row], samplerLogProbs: [row], advantages: [advantage] };
        expect(policyLoss(batch, { correction: { mode, min: 0.5, max: 2 } }).weights).toEqual(
          policyLoss(batch).weights,
        );
      },
    ),
  );
});

test('a correction that a loss has by itself can be turned off', () => {
  const batch = { logProbs: [[-1, -1]], samplerLogProbs: [[-2, -0.5]], advantages: [1] };
  const on = policyLoss(batch, { name: 'reinforce' });
  expect(Array.from(on.weights[0]!, (weight) => -2 * weight)).toEqual([Math.exp(1), Math.exp(-0.5)]);
  expect(on.metrics).toMatchObject({
    'sampling/importance_sampling_ratio/min': Math.exp(-0.5),
    'sampling/importance_sampling_ratio/max': Math.exp(1),
  });
  const off = policyLoss(batch, { name: 'reinforce', correction: 'off' });
  expect(Array.from(off.weights[0]!)).toEqual([-0.5, -0.5]);
  expect(off.metrics).not.toHaveProperty(['sampling/importance_sampling_ratio/mean']);
});
