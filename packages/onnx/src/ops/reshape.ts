import type { DType } from '@forge/tensor';
import { normalizeAxes, normalizeSizes } from '../axis.ts';
import { broadcastsTo } from '../broadcast.ts';
import { type Dim, divideDims, multiplyDims, sameDims } from '../dim.ts';
import { ShapeError } from '../errors.ts';
import { integers, type SizesFrom, sizes } from '../sizes.ts';
import { apply, nodeIf, type Value } from '../value.ts';

/**
 * The same elements in row-major order under other sizes. One size may be -1: it follows from the others.
 * Symbolic sizes are products: [rows, tokens, 64] reshapes to ['rows*tokens', 64] and back.
 *
 * @returns `dims`; `x` itself where it has this shape.
 * @throws {ShapeError} when the numbers of elements differ, or a symbolic size cannot be read.
 * Source: ONNX operator `Reshape`, opset 19.
 */
export function reshape<D extends DType>(
  x: Value<D>,
  dims: readonly Dim[],
  { sizesFrom = [] }: SizesFrom = {},
): Value<D> {
  const shape = inferOne(x, dims);
  if (sameDims(shape, x.shape)) return x;
  // A reshape of a reshape is one reshape of what the first was made of, or nothing.
  // The operand of a reshape has its dtype.
  const source = (nodeIf(x, 'Reshape')?.inputs[0] ?? x) as Value<D>;
  if (sameDims(shape, source.shape)) return source;
  const isEmpty = shape.includes(0);
  const target = sizes('Reshape', isEmpty ? shape : abbreviated(shape, source.shape), [x, ...sizesFrom]);
  return apply('Reshape', [source, target], { dtype: x.dtype, shape }, isEmpty ? { allowzero: { int: 1 } } : {});
}

/** What ONNX need not be told: 0 keeps the size of the same axis, and one -1 is whatever is left over. */
function abbreviated(shape: readonly Dim[], source: readonly Dim[]): readonly Dim[] {
  const wanted = shape.map((dim, axis) => (typeof dim === 'string' && dim === source[axis] ? 0 : dim));
  const left = wanted.findLastIndex((dim) => typeof dim === 'string');
  return left === -1 ? wanted : wanted.with(left, -1);
}

function inferOne(x: Value, dims: readonly Dim[]): readonly Dim[] {
  const known = normalizeSizes(
    'Reshape',
    dims.filter((dim) => dim !== -1),
    x.shape,
  );
  const total = multiplyDims(...x.shape);
  const product = multiplyDims(...known);
  if (known.length === dims.length) {
    if (total !== product) throw new ShapeError('Reshape', [x.shape, dims], `${total} is not ${product} elements`);
    return known;
  }
  const rest = known.length === dims.length - 1 ? divideDims(total, product) : undefined;
  if (rest === undefined) throw new ShapeError('Reshape', [x.shape, dims], 'the size -1 cannot be inferred');
  return known.toSpliced(dims.indexOf(-1), 0, rest);
}

/**
 * The axes in another order: axis `i` of the result is axis `axes[i]` of `x`.
 *
 * @throws {ShapeError} when `axes` does not name every axis once.
 * Source: ONNX operator `Transpose`, opset 13.
 */
export function transpose<D extends DType>(x: Value<D>, axes: readonly number[]): Value<D> {
  if (normalizeAxes('Transpose', axes, x.shape).length !== x.shape.length) {
    throw new ShapeError('Transpose', [x.shape, axes], 'every axis must be named');
  }
  const order = axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis));
  if (order.every((axis, i) => axis === i)) return x;
  const shape = order.map((axis) => x.shape[axis]!);
  return apply('Transpose', [x], { dtype: x.dtype, shape }, { perm: { ints: order } });
}

/**
 * `x` broadcast to `dims`.
 *
 * @throws {ShapeError} when it does not broadcast to them, or a symbolic size cannot be read.
 * Source: ONNX operator `Expand`, opset 13.
 */
export function expand<D extends DType>(
  x: Value<D>,
  dims: readonly Dim[],
  { sizesFrom = [] }: SizesFrom = {},
): Value<D> {
  const shape = normalizeSizes('Expand', dims, x.shape);
  if (sameDims(shape, x.shape)) return x;
  if (!broadcastsTo(x.shape, shape)) throw new ShapeError('Expand', [x.shape, shape]);
  return apply('Expand', [x, sizes('Expand', shape, [x, ...sizesFrom])], { dtype: x.dtype, shape });
}

/** Without these axes of size 1. @throws {ShapeError} when one is not 1. Source: ONNX operator `Squeeze`, opset 13. */
export function squeeze<D extends DType>(x: Value<D>, axes: readonly number[]): Value<D> {
  const gone = normalizeAxes('Squeeze', axes, x.shape);
  if (gone.length === 0) return x;
  if (gone.some((axis) => x.shape[axis] !== 1))
    throw new ShapeError('Squeeze', [x.shape], `axes ${axes} are not all 1`);
  const shape = x.shape.filter((_, axis) => !gone.includes(axis));
  return apply('Squeeze', [x, integers(gone)], { dtype: x.dtype, shape });
}

/** With new axes of size 1 at these places of the result. Source: ONNX operator `Unsqueeze`, opset 13. */
export function unsqueeze<D extends DType>(x: Value<D>, axes: readonly number[]): Value<D> {
  const places = new Array<Dim>(x.shape.length + axes.length).fill(1);
  const added = normalizeAxes('Unsqueeze', axes, places);
  if (added.length === 0) return x;
  const kept = x.shape[Symbol.iterator]();
  const shape = places.map((_, axis) => (added.includes(axis) ? 1 : kept.next().value!));
  return apply('Unsqueeze', [x, integers(added)], { dtype: x.dtype, shape });
}

/** The sizes of `x` as int64 [rank]. Source: ONNX operator `Shape`, opset 19. */
export function shapeOf(x: Value): Value<'int64'> {
  return apply('Shape', [x], { dtype: 'int64', shape: [x.shape.length] });
}
