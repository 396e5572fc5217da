import { describe, expect, test } from 'vitest';
import {
  concat,
  type Dim,
  expand,
  gather,
  gatherElements,
  gatherNd,
  graph,
  input,
  pad,
  reshape,
  scatterElements,
  scatterNd,
  shapeOf,
  slice,
  split,
  squeeze,
  transpose,
  unsqueeze,
  type Value,
  zeros,
} from '../../src/index.ts';
import { counting, evaluate, float32, int64 } from '../support/run.ts';

const x_23 = (): Value => input('x', 'float32', [2, 3]);
const feed_23 = { x: float32([2, 3], [0, 1, 2, 3, 4, 5]) };

const onTwoByThree: readonly (readonly [string, (x: Value) => Value, readonly number[], readonly number[]])[] = [
  ['reshape', (x) => reshape(x, [3, 2]), [3, 2], [0, 1, 2, 3, 4, 5]],
  ['reshape with a size left out', (x) => reshape(x, [1, -1]), [1, 6], [0, 1, 2, 3, 4, 5]],
  ['transpose', (x) => transpose(x, [1, 0]), [3, 2], [0, 3, 1, 4, 2, 5]],
  ['expand', (x) => expand(x, [2, 2, 3]), [2, 2, 3], [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]],
  ['concat', (x) => concat([x, x], 1), [2, 6], [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]],
  ['split', (x) => split(x, [1, 2], 1)[1]!, [2, 2], [1, 2, 4, 5]],
  ['slice', (x) => slice(x, { axis: -1, start: -2 }), [2, 2], [1, 2, 4, 5]],
  ['slice of the inside', (x) => slice(x, { axis: 1, start: 1, end: -1 }), [2, 1], [1, 4]],
  ['pad', (x) => pad(x, { axis: 0, before: 1 }), [3, 3], [0, 0, 0, 0, 1, 2, 3, 4, 5]],
  ['unsqueeze', (x) => unsqueeze(x, [0, -1]), [1, 2, 3, 1], [0, 1, 2, 3, 4, 5]],
  ['squeeze', (x) => squeeze(unsqueeze(x, [1]), [1]), [2, 3], [0, 1, 2, 3, 4, 5]],
  ['shapeOf', shapeOf, [2], [2, 3]],
];

describe.each(onTwoByThree)('%s', (_, apply, shape, data) => {
  test('moves the elements to their places', async () => {
    const y = apply(x_23());
    expect(y.shape).toEqual(shape);
    expect(await evaluate(y, feed_23)).toEqual({ shape, data });
  });
});

const indexed: readonly (readonly [string, (x: Value, i: Value) => Value, readonly number[], readonly number[]])[] = [
  ['gather of rows', (x, i) => gather(x, i), [2, 1, 3], [3, 4, 5, 0, 1, 2]],
  ['gather of columns', (x, i) => gather(x, i, 1), [2, 2, 1], [1, 0, 4, 3]],
  ['gatherElements', (x, i) => gatherElements(x, i, 1), [2, 1], [1, 3]],
  ['gatherNd', (x, i) => gatherNd(x, i), [2, 3], [3, 4, 5, 0, 1, 2]],
];

describe.each(indexed)('%s', (_, apply, shape, data) => {
  test('reads the places that the indices name', async () => {
    const y = apply(x_23(), input('i', 'int64', [2, 1]));
    expect(await evaluate(y, { ...feed_23, i: int64([2, 1], [1, 0]) })).toEqual({ shape, data });
  });
});

describe('scattering', () => {
  const places = { i: int64([2, 1], [2, 0]), u: float32([2, 1], [10, 20]) };
  const operands = { indices: input('i', 'int64', [2, 1]), updates: input('u', 'float32', [2, 1]) };

  test('replaces one element a row', async () => {
    const y = scatterElements(x_23(), { ...operands, axis: 1 });
    expect((await evaluate(y, { ...feed_23, ...places })).data).toEqual([0, 1, 10, 20, 4, 5]);
  });

  test('adds to one element a row', async () => {
    const y = scatterElements(x_23(), { ...operands, axis: 1 }, { reduction: 'add' });
    expect((await evaluate(y, { ...feed_23, ...places })).data).toEqual([0, 1, 12, 23, 4, 5]);
  });

  test('replaces rows', async () => {
    const x = input('x', 'float32', [3, 1]);
    const y = scatterNd(x, operands);
    expect((await evaluate(y, { x: float32([3, 1], [1, 2, 3]), ...places })).data).toEqual([20, 2, 10]);
  });

  test('adds to elements that two axes name', async () => {
    const indices = input('i', 'int64', ['n', 2]);
    const y = scatterNd(x_23(), { indices, updates: input('u', 'float32', ['n']) }, { reduction: 'add' });
    const feeds = { ...feed_23, i: int64([3, 2], [1, 2, 0, 0, 1, 2]), u: float32([3], [10, 20, 30]) };
    expect((await evaluate(y, feeds)).data).toEqual([20, 1, 2, 3, 4, 45]);
  });

  test('every addition to one row counts, however many threads there are', async () => {
    const [count, width, rows] = [2048, 256, 7];
    const indices = input('i', 'int64', [count, 1]);
    const updates = input('u', 'float32', [count, width]);
    const y = scatterNd(zeros('float32', [rows, width]), { indices, updates }, { reduction: 'add' });
    const feeds = {
      i: int64(
        [count, 1],
        counting([count]).map((n) => n % rows),
      ),
      u: float32([count, width], new Float32Array(count * width).fill(1)),
    };
    const expected = counting([rows, width]).map((at) => Math.ceil((count - Math.floor(at / width)) / rows));
    for (let run = 0; run < 10; run++) expect((await evaluate(y, feeds, 4)).data).toEqual(expected);
  });
});

describe('symbolic sizes', () => {
  const runtimes: readonly (readonly [number, number])[] = [
    [2, 3],
    [1, 4],
  ];

  test.each(runtimes)('rows and tokens join and part again at %i by %i', async (rows, tokens) => {
    const x = input('x', 'float32', ['rows', 'tokens', 4]);
    const flat = reshape(x, ['rows*tokens', 4]);
    expect(flat.shape).toEqual(['rows*tokens', 4]);
    const heads = transpose(reshape(flat, ['rows', 'tokens', 2, 2]), [0, 2, 1, 3]);
    expect(heads.shape).toEqual(['rows', 2, 'tokens', 2]);
    const numbers = counting([rows, tokens, 4]);
    const y = await evaluate(heads, { x: float32([rows, tokens, 4], numbers) });
    expect(y.shape).toEqual([rows, 2, tokens, 2]);
    expect(y.data[2]).toBe(tokens > 1 ? 4 : 2);
  });

  test.each(runtimes)('joined axes add up and are cut again at %i and %i', async (past, tokens) => {
    const x = input('x', 'float32', ['past', 2]);
    const y = input('z', 'float32', ['tokens', 2]);
    const both = concat([x, y], 0);
    expect(both.shape).toEqual(['past+tokens', 2]);
    const [again] = split(both, ['past', 'tokens'], 0);
    const last: readonly Dim[] = slice(both, { axis: 0, start: 'past' }).shape;
    expect(last).toEqual(['tokens', 2]);
    const feeds = { x: float32([past, 2], counting([past, 2])), z: float32([tokens, 2], counting([tokens, 2], 100)) };
    expect((await evaluate(again!, feeds)).data).toEqual(counting([past, 2]));
    expect((await evaluate(slice(both, { axis: 0, start: 'past' }), feeds)).data).toEqual(counting([tokens, 2], 100));
  });

  test('zeros take the size of an input', async () => {
    const x = input('x', 'float32', ['n', 3]);
    const y = zeros('float32', ['2*n', 2], [x]);
    expect(await evaluate(y, { x: float32([2, 3], counting([2, 3])) })).toEqual({
      shape: [4, 2],
      data: Array(8).fill(0),
    });
  });
});

test('a reshape of a reshape is one node, and back to the first shape it is none', () => {
  const x = input('x', 'float32', ['rows', 'tokens', 6]);
  const flat = reshape(x, ['rows*tokens', 6]);
  expect(reshape(flat, ['rows', 'tokens', 6], { sizesFrom: [x] })).toBe(x);
  const heads = reshape(flat, ['rows', 'tokens', 2, 3], { sizesFrom: [x] });
  expect(graph({ heads }).nodes.map(({ op }) => op)).toEqual(['Reshape']);
});
