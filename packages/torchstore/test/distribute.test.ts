import { elementCount, type Tensor, tensor } from '@forge/tensor';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { distribute, LayoutError, rankCount, replicate, shard } from '../src/index.ts';
import { distributions, shapes } from './arbitraries.ts';
import { golden, placementOf, type Summary } from './golden-sharding.ts';

/** A tensor that holds 0, 1, 2, …: each element is its own index. */
const counting = (shape: readonly number[]) =>
  tensor(
    'int32',
    shape,
    Int32Array.from({ length: elementCount(shape) }, (_, index) => index),
  );

function summary(local: Tensor): Summary {
  const values = Array.from(local.data, Number);
  if (values.length === 0) return [0, null, null, 0];
  return [values.length, values[0]!, values.at(-1)!, values.reduce((sum, value) => sum + value, 0)];
}

test('every rank gets the elements that DTensor gives it', () => {
  expect(golden.reshard.length).toBeGreaterThan(10);
  for (const { global_shape: globalShape, source, target } of golden.reshard) {
    for (const { mesh_shape: mesh, placements, ranks } of [source, target]) {
      const locals = ranks.map((_, rank) => {
        const layout = { mesh, placements: placements.map(placementOf), rank };
        const piece = distribute(counting(globalShape), layout);
        expect(piece).toMatchObject({ globalShape, layout });
        return summary(piece.local);
      });
      expect(locals).toEqual(ranks);
    }
  }
});

const laidOut = shapes.chain((shape) => distributions(shape).map((layout) => ({ shape, layout })));

test('every element is in the piece of some rank, and of one alone when nothing is replicated', () => {
  fc.assert(
    fc.property(laidOut, ({ shape, layout }) => {
      const whole = counting(shape);
      const pieces = Array.from({ length: rankCount(layout.mesh) }, (_, rank) =>
        distribute(whole, { ...layout, rank }),
      );
      const elements = pieces.flatMap(({ local }) => Array.from(local.data, Number));
      const copies = layout.placements.reduce(
        (count, { type }, dim) => (type === 'replicate' ? count * layout.mesh[dim]! : count),
        1,
      );
      const expected = Array.from(whole.data).flatMap((element) => Array.from({ length: copies }, () => element));
      expect(elements.sort((a, b) => a - b)).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

test('a piece is a copy, a replicated one, too', () => {
  const whole = counting([4]);
  const { local } = distribute(whole, { mesh: [2], placements: [replicate()], rank: 1 });
  whole.data.fill(9);
  expect([...local.data]).toEqual([0, 1, 2, 3]);
});

test('a layout that does not fit the tensor is refused', () => {
  expect(() => distribute(counting([4]), { mesh: [2], placements: [shard(1)], rank: 0 })).toThrow(LayoutError);
});
