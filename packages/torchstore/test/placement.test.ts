import { contains, elementCount, intersect, wholeRegion } from '@forge/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isFirstReplica,
  LayoutError,
  layoutRegion,
  type Placement,
  planReshard,
  rankCoordinate,
  rankCount,
  replicate,
  shard,
  stridedShard,
} from '../src/index.ts';
import { distributions, shapes } from './arbitraries.ts';
import { golden, placementOf } from './golden-sharding.ts';

const every = (mesh: readonly number[]) => Array.from({ length: rankCount(mesh) }, (_, rank) => rank);

describe.each([
  { name: 'plain placements', cases: golden.cases },
  { name: 'strided placements', cases: golden.strided_cases },
])('$name', ({ cases }) => {
  test('every rank gets the piece that DTensor gives it', () => {
    expect(cases.length).toBeGreaterThan(50);
    for (const each of cases) {
      const layout = { mesh: each.mesh_shape, placements: each.placements.map(placementOf) };
      const pieces = every(each.mesh_shape).map((rank) => ({
        coordinate: rankCoordinate({ ...layout, rank }),
        ...layoutRegion(each.global_shape, { ...layout, rank }),
      }));
      expect(pieces, JSON.stringify(each.placements)).toEqual(
        each.ranks.map(({ coordinate, local_shape: size, global_offset: offset }) => ({ coordinate, offset, size })),
      );
    }
  });
});

const laidOut = shapes.chain((shape) => distributions(shape).map((layout) => ({ shape, layout })));

test('the pieces of first replicas are disjoint and cover the tensor', () => {
  fc.assert(
    fc.property(laidOut, ({ shape, layout }) => {
      const first = every(layout.mesh)
        .map((rank) => ({ ...layout, rank }))
        .filter(isFirstReplica)
        .map((each) => layoutRegion(shape, each))
        .filter(({ size }) => !size.includes(0));
      const total = first.reduce((sum, { size }) => sum + elementCount(size), 0);
      expect(total).toBe(elementCount(shape));
      for (const [index, a] of first.entries()) {
        expect(contains(wholeRegion(shape), a)).toBe(true);
        for (const b of first.slice(index + 1)) expect(intersect(a, b)).toBeUndefined();
      }
      const plan = planReshard(
        wholeRegion(shape),
        first.map((region) => ({ region })),
      );
      expect(plan.uncovered).toEqual([]);
    }),
    { numRuns: 400 },
  );
});

test('a negative dimension counts from the end', () => {
  const at = (dim: number) => layoutRegion([4, 6], { mesh: [2], placements: [shard(dim)], rank: 1 });
  expect(at(-1)).toEqual(at(1));
});

test.each([
  ['a missing placement', [4], { mesh: [2, 2], placements: [shard(0)], rank: 0 }],
  ['a rank beyond the mesh', [4], { mesh: [2], placements: [shard(0)], rank: 2 }],
  ['a dimension beyond the shape', [4], { mesh: [2], placements: [shard(1)], rank: 0 }],
  ['an empty mesh dimension', [4], { mesh: [0], placements: [replicate()], rank: 0 }],
  ['a strided shard without a shard to its right', [8], { mesh: [2], placements: [stridedShard(0, 2)], rank: 0 }],
  ['a wrong split factor', [8], { mesh: [2, 2], placements: [stridedShard(0, 4), shard(0)], rank: 0 }],
])('%s is refused', (_, shape, layout) => {
  expect(() => layoutRegion(shape, layout)).toThrow(LayoutError);
});

test('a placement that is none of those is refused: partial sums have to be reduced first', () => {
  // The types refuse it too; a caller in JavaScript has no types.
  const partial = { type: 'partial', op: 'sum' } as unknown as Placement;
  const layout = { mesh: [2], placements: [partial], rank: 0 };
  expect(() => layoutRegion([4], layout)).toThrow(/of type 'partial' cannot be stored.*Reduce partial sums first/);
});
