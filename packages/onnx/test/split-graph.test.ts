import { tensor } from '@forge/tensor';
import { expect, test } from 'vitest';
import {
  add,
  evaluateDim,
  exp,
  GraphError,
  gradients,
  graph,
  input,
  matMul,
  mul,
  openSession,
  reduceSum,
  reshape,
  silu,
  splitGraph,
} from '../src/index.ts';
import { float32 } from './support/run.ts';

/** Rows of a network of two layers, a weighted sum of its outputs, and the gradients of that. */
function network() {
  const x = input('x', 'float32', ['n', 3]);
  const [first, second] = [input('first', 'float32', [3, 8]), input('second', 'float32', [4, 2])];
  const hidden = silu(reshape(matMul(x, first), [-1, 4]));
  const y = exp(matMul(hidden, second));
  const weights = input('weights', 'float32', ['2*n', 2]);
  const [gradientFirst, gradientSecond] = gradients(reduceSum(mul(weights, y)), [first, second]);
  return graph({ y, sum: add(y, 1), gradientFirst: gradientFirst!, gradientSecond: gradientSecond! });
}

const feeds = {
  x: float32([2, 3], [0.1, -0.2, 0.3, 0.4, 0.5, -0.6]),
  first: float32(
    [3, 8],
    Array.from({ length: 24 }, (_, i) => Math.sin(i)),
  ),
  second: float32(
    [4, 2],
    Array.from({ length: 8 }, (_, i) => Math.cos(i)),
  ),
  weights: float32([4, 2], [1, -1, 2, 0.5, -0.3, 0.2, 0.1, 3]),
};

test('the two parts of a graph compute what the whole computes, bit for bit', async () => {
  const whole = network();
  const { early, late, saved } = splitGraph(whole, ['weights']);
  await using wholeSession = await openSession(whole, { threads: 1 });
  await using earlySession = await openSession(early, { threads: 1 });
  await using lateSession = await openSession(late, { threads: 1 });
  const expected = await wholeSession.run(feeds);
  const { weights, ...rest } = feeds;
  const first = await earlySession.run(rest);
  const known = { ...feeds, ...first };
  const second = await lateSession.run(
    Object.fromEntries(late.inputs.map(({ name }) => [name, known[name as keyof typeof known]])),
  );
  for (const [name, { data }] of Object.entries(expected)) expect((second[name] ?? first[name])!.data).toEqual(data);
  expect(early.outputs.map(({ name }) => name).slice(0, 2)).toEqual(['y', 'sum']);
  expect(late.outputs.map(({ name }) => name)).toEqual(['gradientFirst', 'gradientSecond']);
  expect(early.inputs.map(({ name }) => name)).not.toContain(['weights']);
  expect(saved.length).toBeGreaterThan(0);
  expect(weights.data.length).toBe(8);
});

test('no product of matrices is computed in both parts', () => {
  const { early, late } = splitGraph(network(), ['weights']);
  const products = ({ nodes }: typeof early) => nodes.filter(({ op }) => op.endsWith('MatMul')).map(({ name }) => name);
  expect(products(early).length).toBe(2);
  expect(products(late).filter((name) => products(early).includes(name))).toEqual([]);
});

test('a graph is not cut at an input that it lacks', () => {
  expect(() => splitGraph(network(), ['weights', 'mask'])).toThrow(GraphError);
});

test('a size is a number once its symbols are', () => {
  expect(evaluateDim('2*rows*tokens-1', { rows: 3, tokens: 5 })).toBe(29);
  expect(evaluateDim(7, {})).toBe(7);
  expect(() => evaluateDim('rows', {})).toThrow(RangeError);
});

test('a graph whose saved values are given is run with sizes of any number', async () => {
  const { early, saved } = splitGraph(network(), ['weights']);
  await using session = await openSession(early, { threads: 1 });
  const { weights: _, ...rest } = feeds;
  const fetches = Object.fromEntries(
    saved.map(({ name, dtype, shape }) => [
      name,
      tensor(
        dtype,
        shape.map((dim) => evaluateDim(dim, { n: 2 })),
      ),
    ]),
  );
  const outputs = await session.run(rest, fetches);
  expect(Object.keys(outputs).toSorted()).toEqual(saved.map(({ name }) => name).toSorted());
});
