import { normalizeAxis } from '../axis.ts';
import { sameDims } from '../dim.ts';
import { ShapeError } from '../errors.ts';
import { apply, type Value } from '../value.ts';

/**
 * The slices of `x` along `axis` at `indices` (int32 or int64): a row of an embedding for each token.
 *
 * @returns the axes of `x` with `axis` replaced by the axes of `indices`.
 * Source: ONNX operator `Gather`, opset 13.
 */
export function gather(x: Value, indices: Value, axis = 0): Value {
  const at = normalizeAxis('Gather', axis, x.shape);
  const shape = x.shape.toSpliced(at, 1, ...indices.shape);
  return apply('Gather', [x, indices], { dtype: x.dtype, shape }, { axis: { int: at } });
}

/**
 * One element along `axis` for each element of `indices` (int32 or int64), whose other axes are those of `x`.
 *
 * @returns the shape of `indices`.
 * Source: ONNX operator `GatherElements`, opset 13.
 */
export function gatherElements(x: Value, indices: Value, axis: number): Value {
  const at = normalizeAxis('GatherElements', axis, x.shape);
  alongOneAxis('GatherElements', x, indices, at);
  return apply('GatherElements', [x, indices], { dtype: x.dtype, shape: indices.shape }, { axis: { int: at } });
}

/**
 * The slices of `x` at `indices` (int64 [..., k]), whose last axis holds places in the first k axes of `x`.
 *
 * Source: ONNX operator `GatherND`, opset 13.
 */
export function gatherNd(x: Value, indices: Value): Value {
  const shape = [...indices.shape.slice(0, -1), ...x.shape.slice(numIndexed('GatherND', x, indices))];
  return apply('GatherND', [x, indices], { dtype: x.dtype, shape });
}

/** What happens to the elements that an update meets: replaced, or added to. */
export interface ScatterOptions {
  /** With `none`, an index must not occur twice. @default 'none' */
  readonly reduction?: 'none' | 'add';
}

/**
 * `x` with `updates` written (or added) along `axis` at `indices` (int32 or int64), which has the shape of `updates`.
 *
 * Source: ONNX operator `ScatterElements`, opset 18.
 */
export function scatterElements(
  x: Value,
  { indices, updates, axis }: { readonly indices: Value; readonly updates: Value; readonly axis: number },
  { reduction = 'none' }: ScatterOptions = {},
): Value {
  const at = normalizeAxis('ScatterElements', axis, x.shape);
  alongOneAxis('ScatterElements', x, indices, at);
  if (!sameDims(indices.shape, updates.shape)) {
    throw new ShapeError('ScatterElements', [x.shape, indices.shape, updates.shape], 'each index needs one update');
  }
  const attributes = { axis: { int: at }, reduction: { string: reduction } };
  return apply('ScatterElements', [x, indices, updates], x, attributes);
}

/**
 * `x` with the slices `updates` written (or added) at `indices` (int64 [..., k]), places in the first k axes of `x`.
 *
 * Source: ONNX operator `ScatterND`, opset 18.
 */
export function scatterNd(
  x: Value,
  { indices, updates }: { readonly indices: Value; readonly updates: Value },
  { reduction = 'none' }: ScatterOptions = {},
): Value {
  const slices = [...indices.shape.slice(0, -1), ...x.shape.slice(numIndexed('ScatterND', x, indices))];
  if (!sameDims(slices, updates.shape)) {
    throw new ShapeError(
      'ScatterND',
      [x.shape, indices.shape, updates.shape],
      `updates must be [${slices.join(', ')}]`,
    );
  }
  return apply('ScatterND', [x, indices, updates], x, { reduction: { string: reduction } });
}

function alongOneAxis(op: string, x: Value, indices: Value, axis: number): void {
  if (indices.shape.length === x.shape.length && sameDims(indices.shape.with(axis, 0), x.shape.with(axis, 0))) return;
  throw new ShapeError(op, [x.shape, indices.shape], `only axis ${axis} may differ`);
}

function numIndexed(op: string, x: Value, indices: Value): number {
  const depth = indices.shape.at(-1);
  if (typeof depth === 'number' && depth <= x.shape.length) return depth;
  throw new ShapeError(op, [x.shape, indices.shape], 'the last axis of indices holds places in the first axes');
}
