import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type CorrectionMode,
  type CorrectionName,
  corrections,
  importanceWeights,
} from '../../src/losses/correction.ts';
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

test('a sequence is left out as a whole when the geometric mean of its weights is out of bounds, whatever its length', () => {
  const weigh = (drift: number, length: number): number[] => [
    ...importanceWeights(new Float64Array(length).fill(drift), () => false, {
      mode: 'token_truncate',
      geometricMin: 0.99,
      geometricMax: 1.01,
    }),
  ];
  for (const length of [1, 10, 1000]) {
    expect(weigh(0.005, length)).toEqual(new Array(length).fill(Math.exp(0.005)));
    expect(new Set(weigh(0.02, length))).toEqual(new Set([0]));
    expect(new Set(weigh(-0.02, length))).toEqual(new Set([0]));
  }
});

test('a correction may be given by name', () => {
  const batch = { logProbs: [[-1, -1]], samplerLogProbs: [[-3, -0.5]], advantages: [1] };
  for (const [name, correction] of Object.entries(corrections)) {
    expect(policyLoss(batch, { correction: name as CorrectionName })).toEqual(policyLoss(batch, { correction }));
  }
  const weights = policyLoss(batch, { correction: 'tis' }).weights[0]!;
  expect(Array.from(weights)).toEqual([-0.5 * 2, -0.5 * Math.exp(-0.5)]);
});

test('the off-policy mask leaves out what failed and is less likely now, and counts it', () => {
  const batch = {
    logProbs: [
      [-2, -2],
      [-2, -2],
      [-2, -2],
    ],
    samplerLogProbs: [
      [-1, -1],
      [-1, -1],
      [-2, -2],
    ],
    advantages: [-1, 1, -1],
  };
  const { weights, metrics } = policyLoss(batch, { offPolicyMask: 0.5 });
  expect(weights.map((row) => row.every((weight) => weight === 0))).toEqual([true, false, false]);
  expect(metrics.is_masked).toBeCloseTo(1 / 3, 12);
  expect(policyLoss(batch, { offPolicyMask: 1.5 }).weights).toEqual(policyLoss(batch).weights);
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
