import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  abs,
  add,
  and,
  cast,
  ceil,
  clamp,
  cos,
  div,
  equal,
  erf,
  exp,
  floor,
  gelu,
  greater,
  greaterOrEqual,
  input,
  less,
  lessOrEqual,
  log,
  logSigmoid,
  max,
  min,
  mul,
  neg,
  not,
  or,
  pow,
  reciprocal,
  relu,
  round,
  scalar,
  sigmoid,
  sign,
  silu,
  sin,
  softplus,
  sqrt,
  stopGradient,
  sub,
  tanh,
  type Value,
  where,
} from '../../src/index.ts';
import { evaluate, float32, int64 } from '../support/run.ts';

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** Abramowitz and Stegun 7.1.5: the Maclaurin series, exact to double precision for |x| < 3. */
function errorFunction(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 60; n++) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const unary: readonly (readonly [string, (x: Value) => Value, (x: number) => number])[] = [
  ['neg', neg, (x) => -x],
  ['abs', abs, Math.abs],
  ['sign', sign, Math.sign],
  ['exp', exp, Math.exp],
  ['sin', sin, Math.sin],
  ['cos', cos, Math.cos],
  ['erf', erf, errorFunction],
  ['sigmoid', sigmoid, logistic],
  ['tanh', tanh, Math.tanh],
  ['relu', relu, (x) => Math.max(x, 0)],
  ['silu', silu, (x) => x * logistic(x)],
  ['gelu', gelu, (x) => (x * (1 + errorFunction(x / Math.SQRT2))) / 2],
  [
    'gelu by a hyperbolic tangent',
    (x) => gelu(x, { approximate: 'tanh' }),
    (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
  ],
  ['softplus', softplus, (x) => Math.log1p(Math.exp(x))],
  ['logSigmoid', logSigmoid, (x) => -Math.log1p(Math.exp(-x))],
  ['floor', floor, Math.floor],
  ['ceil', ceil, Math.ceil],
  ['round to even', round, (x) => (x % 1 === 0 || Math.abs(x % 1) !== 0.5 ? Math.round(x) : 2 * Math.round(x / 2))],
  ['clamp', (x) => clamp(x, { min: -1, max: 0.5 }), (x) => Math.min(Math.max(x, -1), 0.5)],
  ['clamp from below', (x) => clamp(x, { min: 0.25 }), (x) => Math.max(x, 0.25)],
  ['stopGradient', stopGradient, (x) => x],
  ['silu in float64', (x) => cast(silu(cast(x, 'float64')), 'float32'), (x) => x * logistic(x)],
];

const positive: readonly (readonly [string, (x: Value) => Value, (x: number) => number])[] = [
  ['log', log, Math.log],
  ['sqrt', sqrt, Math.sqrt],
  ['reciprocal', reciprocal, (x) => 1 / x],
];

const binary: readonly (readonly [string, (a: Value, b: Value) => Value, (a: number, b: number) => number])[] = [
  ['add', add, (a, b) => a + b],
  ['sub', sub, (a, b) => a - b],
  ['mul', mul, (a, b) => a * b],
  ['div', div, (a, b) => a / b],
  ['max', max, Math.max],
  ['min', min, Math.min],
  ['pow', (a, b) => pow(abs(a), b), (a, b) => Math.abs(a) ** b],
  ['equal', equal, (a, b) => Number(a === b)],
  ['less', less, (a, b) => Number(a < b)],
  ['lessOrEqual', lessOrEqual, (a, b) => Number(a <= b)],
  ['greater', greater, (a, b) => Number(a > b)],
  ['greaterOrEqual', greaterOrEqual, (a, b) => Number(a >= b)],
  ['and', (a, b) => and(greater(a, 0), greater(b, 0)), (a, b) => Number(a > 0 && b > 0)],
  ['or', (a, b) => or(greater(a, 0), greater(b, 0)), (a, b) => Number(a > 0 || b > 0)],
  ['not', (a, b) => not(less(a, b)), (a, b) => Number(!(a < b))],
  ['where', (a, b) => where(less(a, b), a, 7), (a, b) => (a < b ? a : 7)],
];

/** Quarters, so that equal numbers meet and float32 holds them exactly. */
const quarter = (low: number, high: number) => fc.integer({ min: low * 4, max: high * 4 }).map((n) => n / 4);

function close(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((x, i) => {
    expect(Math.abs(x - expected[i]!) / Math.max(1, Math.abs(expected[i]!))).toBeLessThan(3e-6);
  });
}

describe.each([...unary, ...positive])('%s', (name, apply, reference) => {
  const isPositive = positive.some(([each]) => each === name);
  test('is the function of every element', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(quarter(isPositive ? 1 : -3, 3), { minLength: 1, maxLength: 9 }), async (numbers) => {
        const x = input('x', 'float32', ['n']);
        const y = await evaluate(apply(x), { x: float32([numbers.length], numbers) });
        close(y.data, numbers.map(reference));
      }),
      { numRuns: 5 },
    );
  });
});

describe.each(binary)('%s', (_, apply, reference) => {
  test('broadcasts a row over a column', async () => {
    const numbers = fc.array(
      quarter(-3, 3).map((x) => x || 1),
      { minLength: 1, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(numbers, numbers, async (column, row) => {
        const a = input('a', 'float32', ['m', 1]);
        const b = input('b', 'float32', ['n']);
        const feeds = { a: float32([column.length, 1], column), b: float32([row.length], row) };
        const y = await evaluate(apply(a, b), feeds);
        expect(y.shape).toEqual([column.length, row.length]);
        close(
          y.data,
          column.flatMap((p) => row.map((q) => reference(p, q))),
        );
      }),
      { numRuns: 5 },
    );
  });
});

test('a number takes the dtype of the other operand', async () => {
  const x = input('x', 'int64', [2]);
  const y = sub(10, mul(x, 3));
  expect(y.dtype).toBe('int64');
  expect((await evaluate(y, { x: int64([2], [1, 2]) })).data).toEqual([7, 4]);
});

test('a cast truncates towards zero and back', async () => {
  const x = input('x', 'float32', [3]);
  const y = cast(x, 'int64');
  expect((await evaluate(y, { x: float32([3], [1.75, -1.75, 0]) })).data).toEqual([1, -1, 0]);
  expect(cast(x, 'float32')).toBe(x);
});

test('a scalar has no axes', async () => {
  expect(await evaluate(add(scalar(2), 0.5))).toEqual({ shape: [], data: [2.5] });
});
