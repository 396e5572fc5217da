import { normalizeAxes } from '../axis.ts';
import type { Operator } from '../operators.ts';
import { integers } from '../sizes.ts';
import { apply, type Value } from '../value.ts';

export interface ReduceOptions {
  /** Whether the reduced axes stay, with size 1. @default false */
  readonly keepDims?: boolean;
}

function reduce(op: Operator, x: Value, axes: readonly number[] | undefined, keepDims: boolean): Value {
  const reduced = normalizeAxes(op, axes ?? x.shape.map((_, axis) => axis), x.shape);
  if (reduced.length === 0) return x;
  const shape = keepDims
    ? x.shape.map((dim, axis) => (reduced.includes(axis) ? 1 : dim))
    : x.shape.filter((_, axis) => !reduced.includes(axis));
  return apply(op, [x, integers(reduced)], { dtype: x.dtype, shape }, { keepdims: { int: Number(keepDims) } });
}

/** The sum over `axes`, over all when they are left out. Source: ONNX operator `ReduceSum`, opset 13. */
export function reduceSum(x: Value, axes?: readonly number[], { keepDims = false }: ReduceOptions = {}): Value {
  return reduce('ReduceSum', x, axes, keepDims);
}

/** The mean over `axes`, over all when they are left out. Source: ONNX operator `ReduceMean`, opset 18. */
export function reduceMean(x: Value, axes?: readonly number[], { keepDims = false }: ReduceOptions = {}): Value {
  return reduce('ReduceMean', x, axes, keepDims);
}

/**
 * The maximum over `axes`, over all when they are left out; its gradient is shared among equal maxima.
 *
 * Source: ONNX operator `ReduceMax`, opset 20.
 */
export function reduceMax(x: Value, axes?: readonly number[], { keepDims = false }: ReduceOptions = {}): Value {
  return reduce('ReduceMax', x, axes, keepDims);
}
