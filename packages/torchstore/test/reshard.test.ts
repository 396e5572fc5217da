import {
  bytesOf,
  copyRegion,
  elementCount,
  type Region,
  type Shape,
  type Tensor,
  tensor,
  wholeRegion,
} from '@forge/tensor';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Layout, layoutRegion, planReshard, rankCount } from '../src/index.ts';
import { type Distribution, distributions, numbered, shapes } from './arbitraries.ts';
import { golden, placementOf, type Summary } from './golden-sharding.ts';

interface Held {
  readonly region: Region;
  readonly local: Tensor;
}

function cut(whole: Tensor, region: Region): Held {
  const local = tensor(whole.dtype, region.size);
  if (!region.size.includes(0)) {
    copyRegion(whole, local, {
      sourceOffset: region.offset,
      targetOffset: region.offset.map(() => 0),
      size: region.size,
    });
  }
  return { region, local };
}

function cutAll(whole: Tensor, layout: Distribution): Held[] {
  return Array.from({ length: rankCount(layout.mesh) }, (_, rank) =>
    cut(whole, layoutRegion(whole.shape, { ...layout, rank })),
  );
}

function assemble(wanted: Region, pieces: readonly Held[], like: Tensor): Tensor {
  const result: Tensor = tensor(like.dtype, wanted.size);
  const { copies, uncovered } = planReshard(wanted, pieces);
  expect(uncovered).toEqual([]);
  for (const { held, ...copy } of copies) copyRegion(held.local, result, copy);
  return result;
}

function summary(local: Tensor): Summary {
  const values = Array.from(local.data, Number);
  if (values.length === 0) return [0, null, null, 0];
  return [values.length, values[0]!, values.at(-1)!, values.reduce((sum, value) => sum + value, 0)];
}

const countOf = (shape: Shape) => elementCount(shape);

test('resharding gives what DTensor gives', () => {
  for (const { global_shape: shape, source, target } of golden.reshard) {
    const whole = tensor(
      'int32',
      shape,
      Int32Array.from({ length: countOf(shape) }, (_, index) => index),
    );
    const layoutOf = (side: typeof source): Distribution => ({
      mesh: side.mesh_shape,
      placements: side.placements.map(placementOf),
    });
    const pieces = cutAll(whole, layoutOf(source));
    expect(pieces.map(({ local }) => summary(local))).toEqual(source.ranks);
    const wanted = target.ranks.map((_, rank): Layout => ({ ...layoutOf(target), rank }));
    const results = wanted.map((layout) => summary(assemble(layoutRegion(shape, layout), pieces, whole)));
    expect(results).toEqual(target.ranks);
  }
});

const twoWays = shapes.chain((shape) => fc.tuple(fc.constant(shape), distributions(shape), distributions(shape)));

test('any layout cut and any layout wanted give the same elements', () => {
  fc.assert(
    fc.property(twoWays, ([shape, source, target]) => {
      const whole = numbered('int16', shape);
      const pieces = cutAll(whole, source);
      for (const { region, local } of cutAll(whole, target)) {
        expect(bytesOf(assemble(region, pieces, whole))).toEqual(bytesOf(local));
      }
    }),
    { numRuns: 300 },
  );
});

const boxes = fc.record({
  offset: fc.tuple(fc.nat(6), fc.nat(6)),
  size: fc.tuple(fc.nat(6), fc.nat(6)),
});

test('each element is copied once, even from pieces that overlap, and the rest is reported', () => {
  fc.assert(
    fc.property(boxes, fc.array(boxes, { maxLength: 6 }), (wanted, regions) => {
      const { copies, uncovered } = planReshard(
        wanted,
        regions.map((region) => ({ region })),
      );
      const written = new Map<string, number>();
      const visit = ({ offset, size }: Region) => {
        for (let row = 0; row < size[0]!; row += 1) {
          for (let column = 0; column < size[1]!; column += 1) {
            const place = `${offset[0]! + row},${offset[1]! + column}`;
            written.set(place, (written.get(place) ?? 0) + 1);
          }
        }
      };
      for (const { held, sourceOffset, targetOffset, size } of copies) {
        visit({ offset: targetOffset.map((at, dim) => at + wanted.offset[dim]!), size });
        // Source and target name the same element of the global tensor.
        expect(sourceOffset.map((at, dim) => at + held.region.offset[dim]!)).toEqual(
          targetOffset.map((at, dim) => at + wanted.offset[dim]!),
        );
      }
      const isHeld = (row: number, column: number) =>
        regions.some(
          ({ offset, size }) =>
            row >= offset[0] && row < offset[0] + size[0] && column >= offset[1] && column < offset[1] + size[1],
        );
      for (const place of [...written.keys()])
        expect(isHeld(...(place.split(',').map(Number) as [number, number]))).toBe(true);
      const copied = written.size;
      for (const region of uncovered) visit(region);
      expect([...written.values()].every((count) => count === 1)).toBe(true);
      expect(written.size).toBe(elementCount(wanted.size));
      let expectedHeld = 0;
      for (let row = wanted.offset[0]; row < wanted.offset[0] + wanted.size[0]; row += 1) {
        for (let column = wanted.offset[1]; column < wanted.offset[1] + wanted.size[1]; column += 1) {
          expectedHeld += isHeld(row, column) ? 1 : 0;
        }
      }
      expect(copied).toBe(expectedHeld);
    }),
    { numRuns: 500 },
  );
});

test('of equal replicas only the first is read', () => {
  const region = wholeRegion([4, 4]);
  const { copies } = planReshard(region, [
    { region, name: 'near' },
    { region, name: 'far' },
  ]);
  expect(copies.map(({ held }) => held.name)).toEqual(['near']);
});
