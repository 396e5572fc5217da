import type { DType } from '@forge/tensor';
import { normalizeAxis, normalizeSizes } from '../axis.ts';
import type { Dim } from '../dim.ts';
import { ShapeError } from '../errors.ts';
import { checkSignature } from '../signature.ts';
import { type SizesFrom, sizes } from '../sizes.ts';
import { apply, applyAll, type Value } from '../value.ts';
import { zeros } from './constant.ts';

export interface TopKOptions extends SizesFrom {
  /** @default -1, the last */
  readonly axis?: number;
}

/** The largest elements along an axis, in order. */
export interface TopK<D extends DType = DType> {
  /** The axis has size `k`. */
  readonly values: Value<D>;
  /** int64, the shape of `values`: places along the axis. */
  readonly indices: Value<'int64'>;
}

/**
 * The `k` largest elements along an axis, the largest first; of equal ones, those that come first.
 * A symbolic size must not turn out to be 0: onnxruntime 1.30 divides by it and takes the process down.
 *
 * @throws {ShapeError} when the axis has fewer than `k` elements.
 * Source: ONNX operator `TopK`, opset 11.
 */
export function topK<D extends DType>(x: Value<D>, k: Dim, { axis = -1, sizesFrom = [] }: TopKOptions = {}): TopK<D> {
  const at = normalizeAxis('TopK', axis, x.shape);
  const [count] = normalizeSizes('TopK', [k], x.shape) as readonly [Dim]; // as many as were given
  const size = x.shape[at]!;
  if (typeof count === 'number' && typeof size === 'number' && count > size) {
    throw new ShapeError('TopK', [x.shape], `axis ${at} has no ${count} elements`);
  }
  const shape = x.shape.with(at, count);
  checkSignature('TopK', [x.dtype, 'int64'], [x.dtype, 'int64']);
  const from = [x, ...sizesFrom];
  if (shape.includes(0)) return { values: zeros(x.dtype, shape, from), indices: zeros('int64', shape, from) };
  const types = [
    { dtype: x.dtype, shape },
    { dtype: 'int64', shape },
  ] as const;
  const [values, indices] = applyAll('TopK', [x, sizes('TopK', [count], from)], types, { axis: { int: at } });
  return { values, indices };
}

export interface ArgMaxOptions {
  /** Whether the axis stays, with size 1. @default false */
  readonly keepDims?: boolean;
}

/**
 * The place of the largest element along `axis`, the first of equal ones, as int64. It has no gradient.
 *
 * @throws {ShapeError} when the axis is empty.
 * Source: ONNX operator `ArgMax`, opset 13.
 */
export function argMax(x: Value, axis = -1, { keepDims = false }: ArgMaxOptions = {}): Value<'int64'> {
  const at = normalizeAxis('ArgMax', axis, x.shape);
  if (x.shape[at] === 0) throw new ShapeError('ArgMax', [x.shape], `axis ${at} has no elements`);
  const shape = keepDims ? x.shape.with(at, 1) : x.shape.toSpliced(at, 1);
  const attributes = { axis: { int: at }, keepdims: { int: Number(keepDims) } };
  return apply('ArgMax', [x], { dtype: 'int64', shape }, attributes);
}
