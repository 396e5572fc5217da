import type { DType } from '@forge/tensor';
import { normalizeAxis } from '../axis.ts';
import { sameDims } from '../dim.ts';
import { ShapeError } from '../errors.ts';
import { apply, type Promises, type Value } from '../value.ts';

/**
 * The slices of `x` along `axis` at `indices` (int32 or int64): a row of an embedding for each token.
 *
 * @param promises - with `distinctIndices` the gradient of each slice is copied and not added, which is much quicker.
 * @returns the axes of `x` with `axis` replaced by the axes of `indices`.
 * Source: ONNX operator `Gather`, opset 13.
 */
export function gather<D extends DType>(x: Value<D>, indices: Value, axis = 0, promises: Promises = {}): Value<D> {
  const at = normalizeAxis('Gather', axis, x.shape);
  const shape = x.shape.toSpliced(at, 1, ...indices.shape);
  return apply('Gather', [x, indices], { dtype: x.dtype, shape }, { axis: { int: at } }, promises);
}

/**
 * One element along `axis` for each element of `indices` (int32 or int64), whose other axes are those of `x`.
 *
 * @returns the shape of `indices`.
 * Source: ONNX operator `GatherElements`, opset 13.
 */
export function gatherElements<D extends DType>(x: Value<D>, indices: Value, axis: number): Value<D> {
  const at = normalizeAxis('GatherElements', axis, x.shape);
  alongOneAxis('GatherElements', x, indices, at);
  return apply('GatherElements', [x, indices], { dtype: x.dtype, shape: indices.shape }, { axis: { int: at } });
}

/**
 * The slices of `x` at `indices` (int64 [..., k]), whose last axis holds places in the first k axes of `x`.
 * Its gradient needs places ≥ 0 where k > 1.
 *
 * Source: ONNX operator `GatherND`, opset 13.
 */
export function gatherNd<D extends DType>(x: Value<D>, indices: Value): Value<D> {
  const shape = [...indices.shape.slice(0, -1), ...x.shape.slice(numIndexed('GatherND', x, indices))];
  return apply('GatherND', [x, indices], { dtype: x.dtype, shape });
}

/** Checks that `indices` differs from `x` along `axis` alone. */
export function alongOneAxis(op: string, x: Value, indices: Value, axis: number): void {
  if (indices.shape.length === x.shape.length && sameDims(indices.shape.with(axis, 0), x.shape.with(axis, 0))) return;
  throw new ShapeError(op, [x.shape, indices.shape], `only axis ${axis} may differ`);
}

/** How many axes of `x` an index of `indices` names. */
export function numIndexed(op: string, x: Value, indices: Value): number {
  const depth = indices.shape.at(-1);
  if (typeof depth === 'number' && depth >= 1 && depth <= x.shape.length) return depth;
  throw new ShapeError(op, [x.shape, indices.shape], 'the last axis of indices holds places in the first axes');
}
