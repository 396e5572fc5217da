import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkRegion, contains, intersect, type Region, RegionError, sameRegion, wholeRegion } from '../src/index.ts';

const rank = 3;
const region: fc.Arbitrary<Region> = fc.record({
  offset: fc.array(fc.nat(5), { minLength: rank, maxLength: rank }),
  size: fc.array(fc.nat(4), { minLength: rank, maxLength: rank }),
});

function has({ offset, size }: Region, point: readonly number[]): boolean {
  return point.every((place, dim) => place >= offset[dim]! && place < offset[dim]! + size[dim]!);
}

test('a point lies in an intersection exactly when it lies in both regions', () => {
  const point = fc.array(fc.nat(8), { minLength: rank, maxLength: rank });
  fc.assert(
    fc.property(region, region, point, (a, b, place) => {
      const common = intersect(a, b);
      expect(common !== undefined && has(common, place)).toBe(has(a, place) && has(b, place));
    }),
    { numRuns: 1000 },
  );
});

test('intersection is commutative and lies in both', () => {
  fc.assert(
    fc.property(region, region, (a, b) => {
      const common = intersect(a, b);
      expect(intersect(b, a)).toEqual(common);
      if (common !== undefined) expect(contains(a, common) && contains(b, common)).toBe(true);
    }),
  );
});

test('the whole region of a scalar contains the scalar', () => {
  expect(intersect(wholeRegion([]), wholeRegion([]))).toEqual({ offset: [], size: [] });
  expect(contains(wholeRegion([2, 2]), { offset: [1, 2], size: [1, 1] })).toBe(false);
  expect(sameRegion(wholeRegion([2]), { offset: [0], size: [2] })).toBe(true);
});

test('regions of different ranks do not intersect silently', () => {
  expect(() => intersect(wholeRegion([2]), wholeRegion([2, 2]))).toThrow(RegionError);
});

test.each([
  { offset: [-1], size: [1] },
  { offset: [0], size: [5] },
  { offset: [0.5], size: [1] },
  { offset: [0, 0], size: [1, 1] },
])('$offset + $size does not lie in [4]', (outside) => {
  expect(() => checkRegion(outside, [4])).toThrow(RegionError);
});
