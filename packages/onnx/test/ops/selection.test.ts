import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arange, argMax, cumSum, einsum, input, less, stack, topK, unsqueeze } from '../../src/index.ts';
import { counting, evaluate, float32 } from '../support/run.ts';

describe('topK', () => {
  const rows = fc.array(fc.tuple(...Array.from({ length: 5 }, () => fc.integer({ min: -3, max: 3 }))), {
    minLength: 1,
    maxLength: 4,
  });

  test('sorts the largest of each row, equal ones in their order, and says where they were', async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 5 }), async (numbers, k) => {
        const { values, indices } = topK(input('x', 'float32', ['n', 5]), k);
        const feeds = { x: float32([numbers.length, 5], numbers.flat()) };
        const order = numbers.map((row) =>
          row
            .map((_, i) => i)
            .sort((i, j) => row[j]! - row[i]! || i - j)
            .slice(0, k),
        );
        expect((await evaluate(indices, feeds)).data).toEqual(order.flat());
        expect((await evaluate(values, feeds)).data).toEqual(
          order.flatMap((places, n) => places.map((i) => numbers[n]![i]!)),
        );
        const largest = await evaluate(argMax(input('x', 'float32', ['n', 5])), feeds);
        expect(largest.data).toEqual(order.map(([first]) => first));
      }),
      { numRuns: 10 },
    );
  });
});

test('cumSum adds up from either end, with or without the element itself', async () => {
  const x = input('x', 'float32', ['n']);
  const feeds = { x: float32([4], [1, 2, 3, 4]) };
  const sums = async (options: Parameters<typeof cumSum>[2]) => (await evaluate(cumSum(x, 0, options), feeds)).data;
  expect(await sums({})).toEqual([1, 3, 6, 10]);
  expect(await sums({ exclusive: true })).toEqual([0, 1, 3, 6]);
  expect(await sums({ reverse: true })).toEqual([10, 9, 7, 4]);
  expect(await sums({ reverse: true, exclusive: true })).toEqual([9, 7, 4, 0]);
});

test('arange counts to a size that is known at run time, and compares to a causal mask', async () => {
  const x = input('x', 'float32', ['tokens']);
  const places = arange('tokens', { sizesFrom: [x] });
  expect(places.shape).toEqual(['tokens']);
  const seen = less(unsqueeze(places, [1]), unsqueeze(places, [0]));
  expect((await evaluate(seen, { x: float32([3], [0, 0, 0]) })).data).toEqual([0, 1, 1, 0, 0, 1, 0, 0, 0]);
});

test('stack lays values side by side along a new axis', async () => {
  const [x, y] = [input('x', 'float32', ['n']), input('y', 'float32', ['n'])];
  const feeds = { x: float32([2], [1, 2]), y: float32([2], [3, 4]) };
  expect(await evaluate(stack([x, y]), feeds)).toEqual({ shape: [2, 2], data: [1, 2, 3, 4] });
  expect(await evaluate(stack([x, y], -1), feeds)).toEqual({ shape: [2, 2], data: [1, 3, 2, 4] });
});

/** The definition: for each place of the result, products summed over all places of the other letters. */
function summed(
  equation: string,
  sizes: Readonly<Record<string, number>>,
  data: readonly (readonly number[])[],
): number[] {
  const [left = '', result = ''] = equation.split('->');
  const terms = left.split(',');
  const letters = [...new Set([...result, ...terms.join('')])];
  const count = (names: string): number => [...names].reduce((product, letter) => product * sizes[letter]!, 1);
  const flat = (names: string, at: ReadonlyMap<string, number>): number =>
    [...names].reduce((offset, letter) => offset * sizes[letter]! + at.get(letter)!, 0);
  const sums = new Array<number>(count(result)).fill(0);
  for (let place = 0; place < count(letters.join('')); place++) {
    let rest = place;
    const at = new Map(
      letters.toReversed().map((letter) => {
        const index = rest % sizes[letter]!;
        rest = Math.floor(rest / sizes[letter]!);
        return [letter, index];
      }),
    );
    sums[flat(result, at)]! += terms.reduce((product, term, i) => product * data[i]![flat(term, at)]!, 1);
  }
  return sums;
}

test.each([
  'ij,jk->ik',
  'ij,kj->ki',
  'bij,bjk->bik',
  'bij,jk->ikb',
  'ij,ij->',
  'i,j->ji',
  'ijk->kji',
  'ijk->j',
  'ij,jk,kb->bi',
  'bqkd->',
  'bqhd,bkhd->bhqk',
])('einsum %s is a sum of products', async (equation) => {
  const size = fc.integer({ min: 1, max: 3 });
  await fc.assert(
    fc.asyncProperty(fc.record({ b: size, d: size, h: size, i: size, j: size, k: size, q: size }), async (sizes) => {
      const terms = equation.split('->')[0]!.split(',');
      const shapes = terms.map((term) => [...term].map((letter) => sizes[letter as 'b']));
      const data = shapes.map((shape, i) => counting(shape, i - 3, 1));
      const operands = terms.map((term, i) => input(`x${i}`, 'float32', [...term]));
      const feeds = Object.fromEntries(shapes.map((shape, i) => [`x${i}`, float32(shape, data[i]!)]));
      expect((await evaluate(einsum(equation, ...operands), feeds)).data).toEqual(summed(equation, sizes, data));
    }),
    { numRuns: 3 },
  );
});
