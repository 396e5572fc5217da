import { describe, expect, test } from 'vitest';
import {
  add,
  and,
  cast,
  concat,
  DTypeError,
  equal,
  exp,
  expand,
  GradientError,
  gather,
  gatherElements,
  gatherNd,
  gradients,
  groupQueryAttention,
  input,
  matMul,
  mul,
  pad,
  reduceSum,
  reshape,
  rmsNorm,
  rotaryEmbedding,
  ShapeError,
  scatterElements,
  scatterNd,
  sign,
  slice,
  split,
  squeeze,
  stopGradient,
  transpose,
  unsqueeze,
  type Value,
  zeros,
} from '../src/index.ts';

const x_23 = input('x', 'float32', [2, 3]);
const x_n3 = input('x', 'float32', ['n', 3]);
const y_m3 = input('y', 'float32', ['m', 3]);
const i_23 = input('i', 'int64', [2, 3]);

test.each<readonly [string, () => unknown]>([
  ['sizes that do not broadcast', () => add(x_23, input('y', 'float32', [2]))],
  ['different symbols', () => add(x_n3, y_m3)],
  ['a symbol and a number', () => add(x_n3, input('y', 'float32', [4, 3]))],
  ['a contraction of different sizes', () => matMul(x_23, x_23)],
  ['a product of a vector', () => matMul(x_23, input('y', 'float32', [3]))],
  [
    'a transposed product that only fits untransposed',
    () => matMul(x_23, input('y', 'float32', [3, 2]), { transposeB: true }),
  ],
  ['another number of elements', () => reshape(x_23, [4, 2])],
  ['another symbolic number of elements', () => reshape(x_n3, ['n', 4])],
  ['two sizes to infer', () => reshape(x_23, [-1, -1])],
  ['a size that does not divide', () => reshape(x_n3, [-1, 2])],
  ['an axis that is not there', () => reduceSum(x_23, [2])],
  ['an axis named twice', () => reduceSum(x_23, [1, -1])],
  ['a transpose of too few axes', () => transpose(x_23, [1])],
  ['an expansion that shrinks', () => expand(x_23, [2, 1])],
  ['a squeeze of a wide axis', () => squeeze(x_23, [0])],
  ['a new axis out of place', () => unsqueeze(x_23, [4])],
  ['joined values that differ elsewhere', () => concat([x_23, input('y', 'float32', [2, 4])], 0)],
  ['pieces that are too small', () => split(x_23, [1, 1], 1)],
  ['a range that leaves the axis', () => slice(x_23, { axis: 0, end: 3 })],
  ['a range that ends before it starts', () => slice(x_23, { axis: 1, start: 2, end: 1 })],
  ['negative padding', () => pad(x_23, { axis: 0, before: -1 })],
  ['indices of another rank', () => gatherElements(x_23, input('i', 'int64', [2]), 0)],
  ['indices that are deeper than the value', () => gatherNd(x_23, i_23)],
  ['updates of another shape', () => scatterNd(x_23, { indices: input('i', 'int64', [1, 1]), updates: x_23 })],
  [
    'fewer updates than indices',
    () => scatterElements(x_23, { indices: i_23, updates: input('u', 'float32', [1, 3]), axis: 0 }),
  ],
  ['a weight that is not one a channel', () => rmsNorm(x_23, input('w', 'float32', [2]), 1e-6)],
  ['a size that nothing has', () => zeros('float32', ['n'])],
])('%s is a ShapeError', (_, build) => {
  expect(build).toThrow(ShapeError);
});

test('a rotation of heads that the tables do not fit is a ShapeError', () => {
  const cos = input('cos', 'float32', [8, 2]);
  const positions = input('p', 'int64', ['n', 3]);
  const rotate = (x: Value) => () => rotaryEmbedding(x, { positions, cos, sin: cos });
  expect(rotate(input('x', 'float32', ['n', 3, 6]))).toThrow('H*4');
  expect(rotate(input('x', 'float32', ['m', 3, 8]))).toThrow('positions are [batch, tokens]');
  expect(rotate(input('x', 'float32', ['n', 3, 8]))).not.toThrow();
});

test.each<readonly [string, () => unknown]>([
  ['two dtypes in one sum', () => add(x_23, cast(x_23, 'float64'))],
  ['an exponential of integers', () => exp(i_23)],
  ['a conjunction of numbers', () => and(x_23, x_23)],
  ['indices that are numbers', () => gather(x_23, x_23)],
  ['nothing but numbers', () => add(1, 2)],
  ['nothing to join', () => concat([], 0)],
])('%s is a DTypeError', (_, build) => {
  expect(build).toThrow(DTypeError);
});

test('a message names the operator, the shapes and the reason', () => {
  expect(() => matMul(x_n3, x_23)).toThrow('MatMul cannot be applied to [n, 3] and [2, 3]: 3 and 2 do not contract.');
  expect(() => add(x_23, i_23)).toThrow(
    'Add cannot be applied to float32, int64: operand 1 must be float32; cast it first.',
  );
  expect(() => equal(x_23, i_23)).toThrow(/^Equal cannot/);
});

describe('gradients', () => {
  test('of what is not a scalar need an output gradient of its shape', () => {
    expect(() => gradients(x_23, [x_23])).toThrow(ShapeError);
    expect(() => gradients(x_23, [x_23], input('g', 'float32', [3, 2]))).toThrow(ShapeError);
  });

  test('do not flow through an operator without a rule, and the error names it', () => {
    const heads = { numHeads: 1, numKvHeads: 1 };
    const query = input('q', 'float32', [1, 1, 8]);
    const cache = input('kv', 'float32', [1, 1, 4, 8]);
    const { output } = groupQueryAttention({
      ...heads,
      query,
      key: query,
      value: query,
      pastKey: cache,
      pastValue: cache,
      seqlensK: input('s', 'int32', [1]),
      totalSequenceLength: input('t', 'int32', []),
    });
    expect(() => gradients(reduceSum(output), [query])).toThrow(GradientError);
    expect(() => gradients(reduceSum(output), [query])).toThrow('GroupQueryAttention');
    expect(() => gradients(reduceSum(stopGradient(output)), [query])).not.toThrow();
  });

  test('do not flow into the tables of a rotation', () => {
    const cos = input('cos', 'float32', [8, 2]);
    const x = input('x', 'float32', [1, 2, 4]);
    const y = rotaryEmbedding(x, { positions: input('p', 'int64', [1, 2]), cos, sin: cos });
    expect(() => gradients(reduceSum(y), [x])).not.toThrow();
    expect(() => gradients(reduceSum(y), [cos])).toThrow(
      'No gradient through RotaryEmbedding: there is none in its operand 2.',
    );
  });

  test('are not taken of integers', () => {
    expect(() => gradients(reduceSum(x_23), [i_23])).toThrow(GradientError);
  });

  test('of what the loss does not depend on are zeros', () => {
    const [gradient] = gradients(reduceSum(mul(x_23, 2)), [y_m3]);
    expect(gradient!.shape).toEqual(['m', 3]);
    expect(gradients(reduceSum(sign(x_23)), [x_23])[0]!.shape).toEqual([2, 3]);
  });
});
