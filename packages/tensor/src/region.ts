import { RegionError } from './errors.ts';
import type { Shape } from './shape.ts';

/** A box inside a tensor: where it begins and how far it reaches, one number for each dimension. */
export interface Region {
  readonly offset: readonly number[];
  readonly size: readonly number[];
}

/** The region that covers a whole tensor. */
export function wholeRegion(shape: Shape): Region {
  return { offset: shape.map(() => 0), size: [...shape] };
}

/** The part that two regions have in common, or undefined when it has no element. @throws {RegionError} when their ranks differ. */
export function intersect(a: Region, b: Region): Region | undefined {
  if (a.offset.length !== b.offset.length) throw new RegionError(a, b.size);
  const offset: number[] = [];
  const size: number[] = [];
  for (let dim = 0; dim < a.offset.length; dim += 1) {
    const start = Math.max(a.offset[dim]!, b.offset[dim]!);
    const end = Math.min(a.offset[dim]! + a.size[dim]!, b.offset[dim]! + b.size[dim]!);
    if (end <= start) return undefined;
    offset.push(start);
    size.push(end - start);
  }
  return { offset, size };
}

/** Whether every element of `inner` is an element of `outer`; an empty region lies in every region of its rank. */
export function contains(outer: Region, inner: Region): boolean {
  if (inner.size.some((size) => size === 0)) return outer.offset.length === inner.offset.length;
  const common = intersect(outer, inner);
  return common !== undefined && sameRegion(common, inner);
}

/** Whether two regions have the same offset and size. */
export function sameRegion(a: Region, b: Region): boolean {
  return (
    a.offset.length === b.offset.length &&
    a.offset.every((start, dim) => start === b.offset[dim] && a.size[dim] === b.size[dim])
  );
}

/** Does nothing when the region lies inside the shape. @throws {RegionError} when it does not. */
export function checkRegion(region: Region, shape: Shape): void {
  const { offset, size } = region;
  const isInside =
    offset.length === shape.length &&
    size.length === shape.length &&
    shape.every((extent, dim) => {
      const start = offset[dim]!;
      const length = size[dim]!;
      return (
        Number.isSafeInteger(start) &&
        Number.isSafeInteger(length) &&
        start >= 0 &&
        length >= 0 &&
        start + length <= extent
      );
    });
  if (!isInside) throw new RegionError(region, shape);
}
