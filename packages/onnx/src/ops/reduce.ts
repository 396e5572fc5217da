import type { DType } from '@forge/tensor';
import { normalizeAxes } from '../axis.ts';
import { multiplyDims } from '../dim.ts';
import { DTypeError } from '../errors.ts';
import type { Operator } from '../operators.ts';
import { isFloating } from '../signature.ts';
import { integers, sizes } from '../sizes.ts';
import { apply, type Value } from '../value.ts';
import { cast } from './cast.ts';
import type { Operand } from './constant.ts';
import { div, mul, sub } from './elementwise.ts';
import { reshape } from './reshape.ts';

export interface ReduceOptions {
  /** Whether the reduced axes stay, with size 1. @default false */
  readonly keepDims?: boolean;
}

function reduce<D extends DType>(
  op: Operator,
  x: Value<D>,
  axes: readonly number[] | undefined,
  keepDims: boolean,
): Value<D> {
  const reduced = normalizeAxes(op, axes ?? x.shape.map((_, axis) => axis), x.shape);
  if (reduced.length === 0) return x;
  const shape = keepDims
    ? x.shape.map((dim, axis) => (reduced.includes(axis) ? 1 : dim))
    : x.shape.filter((_, axis) => !reduced.includes(axis));
  return apply(op, [x, integers(reduced)], { dtype: x.dtype, shape }, { keepdims: { int: Number(keepDims) } });
}

/** The sum over `axes`, over all when they are left out. Source: ONNX operator `ReduceSum`, opset 13. */
export function reduceSum<D extends DType>(
  x: Value<D>,
  axes?: readonly number[],
  { keepDims = false }: ReduceOptions = {},
): Value<D> {
  return reduce('ReduceSum', x, axes, keepDims);
}

/** The mean over `axes`, over all when they are left out. Source: ONNX operator `ReduceMean`, opset 18. */
export function reduceMean<D extends DType>(
  x: Value<D>,
  axes?: readonly number[],
  { keepDims = false }: ReduceOptions = {},
): Value<D> {
  return reduce('ReduceMean', x, axes, keepDims);
}

/**
 * The maximum over `axes`, over all when they are left out; its gradient is shared among equal maxima.
 *
 * Source: ONNX operator `ReduceMax`, opset 20.
 */
export function reduceMax<D extends DType>(
  x: Value<D>,
  axes?: readonly number[],
  { keepDims = false }: ReduceOptions = {},
): Value<D> {
  return reduce('ReduceMax', x, axes, keepDims);
}

/** The minimum over `axes`, as {@link reduceMax}. Source: ONNX operator `ReduceMin`, opset 20. */
export function reduceMin<D extends DType>(
  x: Value<D>,
  axes?: readonly number[],
  { keepDims = false }: ReduceOptions = {},
): Value<D> {
  return reduce('ReduceMin', x, axes, keepDims);
}

/** `log Σ e ** x` over `axes`, over all when they are left out. Source: ONNX operator `ReduceLogSumExp`, opset 18. */
export function logSumExp<D extends DType>(
  x: Value<D>,
  axes?: readonly number[],
  { keepDims = false }: ReduceOptions = {},
): Value<D> {
  return reduce('ReduceLogSumExp', x, axes, keepDims);
}

export interface VarianceOptions extends ReduceOptions {
  /** Taken from the number of elements before dividing by it: 1 to estimate from a sample, 0 for all there is. @default 1 */
  readonly correction?: number;
}

/**
 * The variance over `axes`, over all when they are left out.
 *
 * @throws {DTypeError} when `x` is of integers.
 * Source: PyTorch's `var`.
 */
export function variance<D extends DType>(
  x: Value<D>,
  axes?: readonly number[],
  { keepDims = false, correction = 1 }: VarianceOptions = {},
): Value<D> {
  if (!isFloating(x.dtype)) throw new DTypeError('Variance', [x.dtype], 'a mean of integers is none; cast it first');
  const reduced = normalizeAxes('Variance', axes ?? x.shape.map((_, axis) => axis), x.shape);
  const deviation = sub(x, reduceMean(x, reduced, { keepDims: true }));
  const squares = reduceSum(mul(deviation, deviation), reduced, { keepDims });
  const count = countAlong('Variance', x, reduced);
  return div(squares, typeof count === 'number' ? count - correction : sub(count, correction));
}

/** How many elements lie along `axes`: a number where it is known, else a scalar of the dtype of `x`. */
export function countAlong<D extends DType>(op: string, x: Value<D>, axes: readonly number[]): Operand<D> {
  const count = multiplyDims(...axes.map((axis) => x.shape[axis]!));
  return typeof count === 'number' ? count : cast(reshape(sizes(op, [count], [x]), []), x.dtype);
}
