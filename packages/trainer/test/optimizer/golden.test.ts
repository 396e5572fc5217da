import { expect, test } from 'vitest';
import { AdamW } from '../../src/optimizer/adam-w.ts';
import { clipGradNorm } from '../../src/optimizer/clip.ts';
import { type Schedule, scheduleFactor } from '../../src/optimizer/schedule.ts';
import { readGolden } from '../golden-file.ts';

type Vectors = readonly (readonly number[])[];
type Nested = readonly (number | Nested)[];

const { schedules, adamw, clip_grad_norm } = readGolden<{
  readonly schedules: readonly {
    readonly name: 'constant' | 'constant_with_warmup' | 'linear' | 'cosine';
    readonly num_warmup_steps: number;
    readonly num_training_steps: number;
    readonly num_cycles?: number;
    readonly multipliers: readonly number[];
  }[];
  readonly adamw: readonly {
    readonly betas: readonly [number, number];
    readonly eps: number;
    readonly weight_decay: number;
    readonly learning_rates: readonly number[];
    readonly start: Vectors;
    readonly grads: readonly Vectors[];
    readonly after_each_step: readonly Vectors[];
    readonly final_state: readonly { readonly exp_avg: readonly number[]; readonly exp_avg_sq: readonly number[] }[];
  }[];
  readonly clip_grad_norm: readonly {
    readonly max_norm: number;
    readonly norm_type: number | 'inf';
    readonly grads: Nested;
    readonly total_norm: number;
    readonly clipped: Nested;
  }[];
}>('schedules.json');

const toSchedule = ({ name, ...golden }: (typeof schedules)[number]): Schedule => {
  const warmupSteps = golden.num_warmup_steps;
  const totalSteps = golden.num_training_steps;
  if (name === 'linear') return { kind: 'linear', warmupSteps, totalSteps };
  if (name !== 'cosine') return { kind: 'constant', warmupSteps };
  return { kind: 'cosine', warmupSteps, totalSteps, ...(golden.num_cycles && { cycles: golden.num_cycles }) };
};

test.each(schedules)(
  '$name with $num_warmup_steps of $num_training_steps steps of warm-up has the factors of transformers',
  (golden) => {
    const factors = golden.multipliers.map((_, step) => scheduleFactor(toSchedule(golden), step));
    for (const [step, expected] of golden.multipliers.entries()) expect(factors[step]).toBeCloseTo(expected, 10);
  },
);

const flatten = (nested: Nested): number[] =>
  nested.flatMap((entry) => (typeof entry === 'number' ? entry : flatten(entry)));

/** Largest difference, relative for numbers above 1. */
const largestDifference = (a: ArrayLike<number>, b: readonly number[]): number =>
  Math.max(...b.map((value, i) => Math.abs(a[i]! - value) / Math.max(1, Math.abs(value))));

test.each([
  { type: 'float64', ArrayType: Float64Array, tolerance: 1e-10 },
  { type: 'float32', ArrayType: Float32Array, tolerance: 1e-6 },
])('AdamW in $type takes the steps of PyTorch', ({ ArrayType, tolerance }) => {
  for (const golden of adamw) {
    const weights = new ArrayType(golden.start.flat());
    const optimizer = new AdamW(weights, {
      betas: golden.betas,
      epsilon: golden.eps,
      weightDecay: golden.weight_decay,
    });
    for (const [step, gradients] of golden.grads.entries()) {
      optimizer.step(weights, new ArrayType(gradients.flat()), golden.learning_rates[step]!);
      expect(largestDifference(weights, golden.after_each_step[step]!.flat())).toBeLessThan(tolerance);
    }
    const [first, second] = optimizer.moments;
    expect(
      largestDifference(
        first,
        golden.final_state.flatMap((state) => state.exp_avg),
      ),
    ).toBeLessThan(tolerance);
    expect(
      largestDifference(
        second,
        golden.final_state.flatMap((state) => state.exp_avg_sq),
      ),
    ).toBeLessThan(tolerance);
  }
});

test('AdamW after a reset starts as a new one', () => {
  const { start, grads } = adamw[0]!;
  const used = new Float32Array(start.flat());
  const optimizer = new AdamW(used);
  for (const gradients of grads) optimizer.step(used, new Float32Array(gradients.flat()));
  optimizer.reset();
  const fresh = Float32Array.from(used);
  const gradients = new Float32Array(grads[3]!.flat());
  optimizer.step(used, gradients);
  new AdamW(fresh).step(fresh, gradients);
  expect(used).toEqual(fresh);
});

test('clipGradNorm scales all gradients by one factor, and only when they are too long', () => {
  const euclidean = clip_grad_norm.filter(({ norm_type }) => norm_type === 2);
  expect(euclidean.length).toBeGreaterThan(3);
  for (const golden of euclidean) {
    const gradients = new Float64Array(flatten(golden.grads));
    expect(clipGradNorm(gradients, golden.max_norm)).toBeCloseTo(golden.total_norm, 10);
    expect(largestDifference(gradients, flatten(golden.clipped))).toBeLessThan(1e-10);
  }
});

test('clipGradNorm leaves gradients as they are when one of them is not a number', () => {
  const gradients = new Float32Array([3, Number.NaN, 4]);
  expect(clipGradNorm(gradients, 1)).toBeNaN();
  expect(Array.from(gradients)).toEqual([3, Number.NaN, 4]);
});
