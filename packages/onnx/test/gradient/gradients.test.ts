import { expect, test } from 'vitest';
import {
  add,
  exp,
  gather,
  gatherElements,
  gradients,
  graph,
  input,
  logSoftmax,
  matMul,
  max,
  mul,
  neg,
  reduceMax,
  reduceSum,
  sigmoid,
  softmax,
  sub,
  type Value,
} from '../../src/index.ts';
import { evaluate, float32, float64, int64, runModel } from '../support/run.ts';

const operators = (value: Value): readonly string[] => graph({ value }).nodes.map(({ op }) => op);

test('paths to one value add up', async () => {
  const x = input('x', 'float64', []);
  const [gradient] = gradients(add(mul(x, x), mul(x, 3)), [x]);
  expect((await evaluate(gradient!, { x: float64([], [5]) })).data).toEqual([13]);
});

test('a gradient in a computed value stops there', async () => {
  const x = input('x', 'float64', []);
  const y = mul(x, x);
  const found = gradients(mul(y, y), [y, x]);
  const feeds = { x: float64([], [3]) };
  expect((await evaluate(found[0]!, feeds)).data).toEqual([18]);
  expect((await evaluate(found[1]!, feeds)).data).toEqual([108]);
});

test('the gradient of what follows is passed on', async () => {
  const x = input('x', 'float64', ['n']);
  const g = input('g', 'float64', ['n']);
  const [gradient] = gradients(mul(x, x), [x], g);
  const feeds = { x: float64([2], [3, 4]), g: float64([2], [1, 10]) };
  expect((await evaluate(gradient!, feeds)).data).toEqual([6, 80]);
});

test('gradients of gradients are the second derivative', async () => {
  const x = input('x', 'float64', []);
  const y = mul(exp(mul(x, 2)), sigmoid(x));
  const [first] = gradients(y, [x]);
  const [second] = gradients(first!, [x]);
  const at = async (value: Value, point: number): Promise<number> =>
    (await evaluate(value, { x: float64([], [point]) })).data[0]!;
  const slope = ((await at(first!, 0.3 + 1e-5)) - (await at(first!, 0.3 - 1e-5))) / 2e-5;
  expect(await at(second!, 0.3)).toBeCloseTo(slope, 6);
});

test('on a tie a maximum of two takes the first, and a maximum over an axis is shared', async () => {
  const x = input('x', 'float64', [2]);
  const y = input('y', 'float64', [2]);
  const feeds = { x: float64([2], [3, 3]), y: float64([2], [3, 4]) };
  const [inX, inY] = gradients(reduceSum(max(x, y)), [x, y]);
  expect((await evaluate(inX!, feeds)).data).toEqual([1, 0]);
  expect((await evaluate(inY!, feeds)).data).toEqual([0, 1]);
  const [shared] = gradients(reduceMax(x), [x]);
  expect((await evaluate(shared!, feeds)).data).toEqual([0.5, 0.5]);
});

test('a zero gradient has the size that its value has at run time', async () => {
  const x = input('x', 'float32', ['n']);
  const unused = input('unused', 'float32', ['m', 2]);
  const [gradient] = gradients(reduceSum(x), [unused]);
  const model = graph({ gradient: gradient! }, { inputs: [x] });
  const result = await runModel(model, { x: float32([1], [1]), unused: float32([3, 2], [1, 2, 3, 4, 5, 6]) });
  expect(result['gradient']!.shape).toEqual([3, 2]);
  expect([...result['gradient']!.data]).toEqual([0, 0, 0, 0, 0, 0]);
});

test('nothing is computed for values that no gradient was asked of', () => {
  const x = input('x', 'float32', ['n', 3]);
  const w = input('w', 'float32', [3, 2]);
  const [gradient] = gradients(reduceSum(matMul(exp(x), w)), [w]);
  expect(operators(gradient!).filter((op) => op === 'MatMul')).toHaveLength(1);
});

test.each([
  { outputs: 2, last: 'MatMul', title: 'fewer outputs' },
  { outputs: 4, last: 'Transpose', title: 'fewer inputs' },
])(
  'the gradient of a weight is one product over the rows of all batches, with the narrower operand turned: $title',
  ({ outputs, last }) => {
    const x = input('x', 'float32', ['rows', 'tokens', 3]);
    const w = input('w', 'float32', [outputs, 3]);
    const y = matMul(x, w, { transposeB: true });
    const [gradient] = gradients(reduceSum(mul(y, y)), [w]);
    const { nodes, values } = graph({ gradient: gradient! });
    const products = nodes.filter(({ op }) => op === 'MatMul');
    expect(products.map(({ inputs }) => inputs.map((name) => values.get(name)!.shape))).toEqual([
      outputs === 2
        ? [
            [2, 'rows*tokens'],
            ['rows*tokens', 3],
          ]
        : [
            [3, 'rows*tokens'],
            ['rows*tokens', 4],
          ],
    ]);
    expect(nodes.at(-1)!.op).toBe(last);
  },
);

test('the gradient of picked log-probabilities has no dense part for the picks', () => {
  const x = input('x', 'float32', ['n', 9]);
  const i = input('i', 'int64', ['n', 1]);
  const [gradient] = gradients(neg(reduceSum(gatherElements(logSoftmax(x), i, 1))), [x]);
  expect(operators(gradient!)).not.toContain('ConstantOfShape');
});

test('a tied weight gets its rows added to its dense gradient, without zeros', async () => {
  const w = input('w', 'float32', [4, 2]);
  const i = input('i', 'int64', ['n']);
  const y = matMul(gather(w, i), w, { transposeB: true });
  const [gradient] = gradients(reduceSum(y), [w]);
  expect(operators(gradient!)).not.toContain('ConstantOfShape');
  const feeds = { w: float32([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]), i: int64([3], [0, 0, 2]) };
  // Dense: every row gets the sum of the picked rows, (1 + 1 + 5, 2 + 2 + 6); sparse: each pick adds the column sums.
  expect((await evaluate(gradient!, feeds)).data).toEqual([7 + 32, 10 + 40, 7, 10, 7 + 16, 10 + 20, 7, 10]);
});

test('a softmax whose rows all shift alike has no gradient', async () => {
  const x = input('x', 'float64', [1, 3]);
  const [gradient] = gradients(reduceSum(softmax(sub(x, 5))), [x]);
  for (const each of (await evaluate(gradient!, { x: float64([1, 3], [1, 2, 3]) })).data)
    expect(each).toBeCloseTo(0, 12);
});
