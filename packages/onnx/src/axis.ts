import { type Dim, normalizeDim } from './dim.ts';
import { ShapeError } from './errors.ts';

/** An axis counted from the front. `-1` is the last one. @throws {ShapeError} when there is no such axis. */
export function normalizeAxis(op: string, axis: number, shape: readonly Dim[]): number {
  const normalized = axis < 0 ? axis + shape.length : axis;
  if (!Number.isInteger(axis) || normalized < 0 || normalized >= shape.length) {
    throw new ShapeError(op, [shape], `there is no axis ${axis}`);
  }
  return normalized;
}

/** Axes counted from the front, in order. @throws {ShapeError} when one is missing or named twice. */
export function normalizeAxes(op: string, axes: readonly number[], shape: readonly Dim[]): readonly number[] {
  const normalized = axes.map((axis) => normalizeAxis(op, axis, shape)).sort((a, b) => a - b);
  if (new Set(normalized).size !== normalized.length) throw new ShapeError(op, [shape], `axes ${axes} repeat`);
  return normalized;
}

/** Sizes that a caller asked for, as they are written. @throws {ShapeError} when one is negative or no size at all. */
export function normalizeSizes(op: string, dims: readonly Dim[], shape: readonly Dim[]): readonly Dim[] {
  return dims.map((dim) => {
    if (typeof dim === 'number' && !(Number.isSafeInteger(dim) && dim >= 0)) {
      throw new ShapeError(op, [shape, dims], `${dim} is no size`);
    }
    return normalizeDim(dim);
  });
}
