import { ShapeError } from './errors.ts';

/** The size of each dimension, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** Number of elements: the product of the sizes, 1 for a scalar. @throws {ShapeError} when a size is not a whole number ≥ 0. */
export function elementCount(shape: Shape): number {
  let count = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new ShapeError(
        `[${shape.join(', ')}] is not a shape: each size must be a whole number of at least 0.`,
        shape,
      );
    }
    count *= size;
  }
  return count;
}

/** How many elements lie between neighbours along each dimension of a row-major tensor. */
export function rowMajorStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let dim = shape.length - 1; dim >= 0; dim -= 1) {
    strides[dim] = stride;
    stride *= shape[dim]!;
  }
  return strides;
}

/** Whether two shapes have the same rank and sizes. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, dim) => size === b[dim]);
}
