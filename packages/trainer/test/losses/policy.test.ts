import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LossInputError } from '../../src/errors.ts';
import { type PolicyLossOptions, policyLoss } from '../../src/losses/policy.ts';
import type { PolicyBatch } from '../../src/losses/policy-batch.ts';
import { sftLoss } from '../../src/losses/sft.ts';
import { variants } from '../../src/losses/variants.ts';

const logProb = fc.double({ min: -6, max: -0.01, noNaN: true });

/** Ragged batches with every kind of log-probability, one advantage a sequence. */
const batches = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 }).chain((lengths) => {
  const ragged = <T>(item: fc.Arbitrary<T>) =>
    fc.tuple(...lengths.map((length) => fc.array(item, { minLength: length, maxLength: length })));
  const one = fc.double({ min: -3, max: 3, noNaN: true });
  return fc.record({
    logProbs: ragged(logProb),
    oldLogProbs: ragged(logProb),
    samplerLogProbs: ragged(logProb),
    refLogProbs: ragged(logProb),
    advantages: fc.array(one, { minLength: lengths.length, maxLength: lengths.length }),
    masks: ragged(fc.constantFrom(0, 1)),
  });
});

const names = Object.keys(variants) as (keyof typeof variants)[];

/** Losses that differentiate the very ratio they report. The others hold it still, and have goldens. */
const selfConsistent = [
  'grpo',
  'bnpo',
  'dr_grpo',
  'dapo',
  'gspo',
  'luspo',
  'gmpo',
  'sapo',
  'dppo',
  'clip_cov',
  'kl_cov',
] as const;

test.each(selfConsistent)('the weights of %s are the slope of its loss, bounds, KL and all', (name) => {
  fc.assert(
    fc.property(batches, fc.boolean(), (batch, klTimesRatio) => {
      const options: PolicyLossOptions = { name, beta: 0.3, klTimesRatio, maxCompletionLength: 5 };
      const { weights } = policyLoss(batch, options);
      for (const [b, row] of batch.logProbs.entries()) {
        for (let t = 0; t < row.length; t++) {
          const lossAt = (shift: number): number => {
            const logProbs = batch.logProbs.map((other, i) =>
              other.map((l, j) => (i === b && j === t ? l + shift : l)),
            );
            return policyLoss({ ...batch, logProbs }, options).loss;
          };
          const step = 1e-6;
          const slopes = [(lossAt(0) - lossAt(-step)) / step, (lossAt(step) - lossAt(0)) / step];
          const weight = weights[b]![t]!;
          // Between the one-sided slopes: true at the corner that a bound makes, too. Ratios reach e^6 = 403.
          const slack = 1e-2 * Math.max(1, Math.abs(weight));
          expect(weight).toBeGreaterThan(Math.min(...slopes) - slack);
          expect(weight).toBeLessThan(Math.max(...slopes) + slack);
        }
      }
    }),
    { numRuns: 60 },
  );
});

/** Of one part of a batch alone, these know no more than that part. */
const needsWhole: readonly string[] = ['bnpo', 'clip_cov', 'kl_cov'];

describe.each(names.filter((name) => !needsWhole.includes(name)))('%s', (name) => {
  test('parts of a batch with the counts of the whole add up to the whole', () => {
    fc.assert(
      fc.property(batches, fc.nat(), (batch, cut) => {
        const options: PolicyLossOptions = { name, beta: 0.1, maxCompletionLength: 7 };
        const whole = policyLoss(batch, options);
        const counts = { sequences: batch.logProbs.length, tokens: batch.masks.flat().filter((m) => m === 1).length };
        const middle = cut % (batch.logProbs.length + 1);
        const part = (from: number, to: number): PolicyBatch => ({
          logProbs: batch.logProbs.slice(from, to),
          oldLogProbs: batch.oldLogProbs.slice(from, to),
          samplerLogProbs: batch.samplerLogProbs.slice(from, to),
          refLogProbs: batch.refLogProbs.slice(from, to),
          advantages: batch.advantages.slice(from, to),
          masks: batch.masks.slice(from, to),
          counts,
        });
        const parts = [part(0, middle), part(middle, counts.sequences)].map((half) => policyLoss(half, options));
        expect(parts[0]!.loss + parts[1]!.loss).toBeCloseTo(whole.loss, 9);
        expect(parts.flatMap(({ weights }) => weights)).toEqual(whole.weights);
      }),
    );
  });

  test('a token that is masked out has no weight', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const { weights } = policyLoss(batch, { name, beta: 0.1, maxCompletionLength: 7 });
        return batch.masks.every((mask, b) => mask.every((m, t) => m === 1 || weights[b]![t] === 0));
      }),
    );
  });
});

test('vespo weighs the tokens of a sequence by the ratio of the whole of it, most where the ratio is k/λ', () => {
  const weightAt = (drift: number, advantage: number): number =>
    policyLoss({ logProbs: [[-1, -2 + drift]], oldLogProbs: [[-1, -2]], advantages: [advantage] }, { name: 'vespo' })
      .weights[0]![0]!;
  const phi = (w: number, k: number, lambda: number): number => Math.exp(lambda) * w ** k * Math.exp(-lambda * w);
  for (const drift of [-0.7, 0, 0.4]) {
    const ratio = Math.exp(drift);
    expect(weightAt(drift, 1.5)).toBeCloseTo((-1.5 * phi(ratio, 2, 3)) / 2, 12);
    expect(weightAt(drift, -1.5)).toBeCloseTo((1.5 * phi(ratio, 3, 2)) / 2, 12);
  }
  const best = Math.abs(weightAt(Math.log(2 / 3), 1));
  for (const drift of [-1, -0.2, 0.3]) expect(Math.abs(weightAt(drift, 1))).toBeLessThan(best);
});

test('gmpo takes the mean of log ratios, each bounded on the side on which its advantage would drive it on', () => {
  const batch = { logProbs: [[-1, -1, -1]], oldLogProbs: [[-1.1, -2, -0.5]] }; // log ratios 0.1, 1 and -0.5
  const up = policyLoss({ ...batch, advantages: [2] }, { name: 'gmpo' });
  expect(up.loss).toBeCloseTo(-2 * Math.exp((0.1 + 0.4 - 0.5) / 3), 12);
  expect(Array.from(up.weights[0]!, (weight) => weight !== 0)).toEqual([true, false, true]);
  const down = policyLoss({ ...batch, advantages: [-2] }, { name: 'gmpo' });
  expect(down.loss).toBeCloseTo(2 * Math.exp((0.1 + 1 - 0.4) / 3), 12);
  expect(Array.from(down.weights[0]!, (weight) => weight !== 0)).toEqual([true, true, false]);
  expect([up.metrics['clip_ratio/high_mean'], down.metrics['clip_ratio/low_mean']]).toEqual([1, 1]);
});

test('luspo is gspo times the length of each sequence', () => {
  fc.assert(
    fc.property(batches, (batch) => {
      const bounds = { epsilonLow: 0.2, epsilonHigh: 0.2 };
      const [gspo, luspo] = (['gspo', 'luspo'] as const).map((name) => policyLoss(batch, { name, ...bounds }));
      for (const [b, row] of luspo!.weights.entries()) {
        const length = batch.masks[b]!.filter((one) => one === 1).length;
        for (const [t, weight] of row.entries()) expect(weight).toBeCloseTo(length * gspo!.weights[b]![t]!, 9);
      }
    }),
  );
});

test('dppo lets go of a token once its probability has moved too far in the direction of its advantage', () => {
  const pull = (logProb: number, old: number, advantage: number): number =>
    policyLoss({ logProbs: [[logProb]], oldLogProbs: [[old]], advantages: [advantage] }, { name: 'dppo' })
      .weights[0]![0]!;
  const own = (logProb: number, old: number): number => 2e-3 * (logProb - old);
  const [rare, half, most] = [Math.log(0.01), Math.log(0.5), Math.log(0.75)];
  expect(pull(most, half, 1)).toBeCloseTo(own(most, half), 12); // from 0.5 to 0.75
  expect(pull(half, most, -1)).toBeCloseTo(own(half, most), 12);
  expect(pull(half, most, 1)).toBeCloseTo(own(half, most) - 0.5 / 0.75, 12); // the other way round it may come back
  expect(pull(Math.log(0.05), rare, 1)).toBeCloseTo(own(Math.log(0.05), rare) - 5, 12); // five times as likely, but hardly
});

test('without old log-probabilities every ratio is 1 and nothing is clipped', () => {
  const { loss, metrics, weights } = policyLoss({ logProbs: [[-1, -2], [-3]], advantages: [1, -2] });
  expect(metrics).toEqual({
    'clip_ratio/low_mean': 0,
    'clip_ratio/high_mean': 0,
    'clip_ratio/region_mean': 0,
    'ratio/mean': 1,
    'ratio/max': 1,
    approx_kl: 0,
  });
  expect(loss).toBeCloseTo((-1 + 2) / 2, 12);
  expect(weights.map((row) => Array.from(row))).toEqual([[-0.25, -0.25], [1]]);
});

test('KL and sampler metrics are reported when their log-probabilities are given, also with beta 0', () => {
  const { metrics } = policyLoss({
    logProbs: [[-1, -2]],
    samplerLogProbs: [[-1.5, -2.25]],
    refLogProbs: [[-1, -1]],
    advantages: [1],
  });
  expect(metrics.kl).toBeCloseTo((Math.exp(1) - 2) / 2, 12);
  expect(metrics['sampling/sampling_logp_difference/mean']).toBeCloseTo(0.375, 12);
  expect(metrics['sampling/sampling_logp_difference/max']).toBeCloseTo(0.5, 12);
});

test('a stale token cannot make a loss or a weight infinite', () => {
  const batch = { logProbs: [[-0.1]], oldLogProbs: [[-900]], refLogProbs: [[0]], advantages: [-1] };
  const { loss, weights } = policyLoss({ ...batch, logProbs: [[-800]], oldLogProbs: [[-1]] }, { beta: 1 });
  expect(Number.isFinite(loss) && Number.isFinite(weights[0]![0]!)).toBe(true);
  const other = policyLoss(batch, { beta: 1 });
  expect(Number.isFinite(other.loss) && Number.isFinite(other.weights[0]![0]!)).toBe(true);
});

test.each([
  { wrong: { refLogProbs: [[-1]] }, options: {}, field: 'refLogProbs' },
  { wrong: { advantages: [1, 2] }, options: {}, field: 'advantages' },
  { wrong: { masks: [[1, 1, 1]] }, options: {}, field: 'masks' },
  { wrong: {}, options: { beta: 0.1 }, field: 'refLogProbs' },
  { wrong: {}, options: { correction: { mode: 'token_mask' as const } }, field: 'samplerLogProbs' },
  { wrong: {}, options: { name: 'dr_grpo' as const }, field: 'maxCompletionLength' },
])('$field that do not fit are refused by name', ({ wrong, options, field }) => {
  const call = (): unknown => policyLoss({ logProbs: [[-1, -2]], advantages: [1], ...wrong }, options);
  expect(call).toThrow(LossInputError);
  expect(call).toThrow(expect.objectContaining({ field, code: 'ERR_TRAINER_LOSS_INPUT' }));
});

test('sft is the mean over the tokens of the whole batch, with one weight for each', () => {
  const { loss, weights } = sftLoss({ logProbs: [[-1, -2], [-6]], masks: [[1, 1], [0]] });
  expect(loss).toBeCloseTo(1.5, 12);
  expect(weights.map((row) => Array.from(row))).toEqual([[-0.5, -0.5], [0]]);
  expect(sftLoss({ logProbs: [[-1]], counts: { sequences: 4, tokens: 8 } }).loss).toBeCloseTo(1 / 8, 12);
  expect(() => sftLoss({ logProbs: [[-1]], masks: [[1, 1]] })).toThrow(LossInputError);
});
