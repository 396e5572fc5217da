import { allocate, type DType, holds, type TypedArrayOf } from './dtype.ts';
import { DTypeError, ShapeError } from './errors.ts';
import { elementCount, type Shape } from './shape.ts';

/** A row-major tensor as plain data: it crosses processes as it is. */
export interface Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: Shape;
  readonly data: TypedArrayOf[D];
}

/**
 * A tensor over `data`, which is not copied; zeros when it is omitted.
 * @throws {ShapeError} when the shape is malformed or `data` has another number of elements.
 * @throws {DTypeError} when `data` is an array of another dtype.
 */
export function tensor<D extends DType>(dtype: D, shape: Shape, data?: TypedArrayOf[D]): Tensor<D> {
  const count = elementCount(shape);
  if (data === undefined) return { dtype, shape, data: allocate(dtype, count) };
  if (!holds(dtype, data)) {
    throw new DTypeError(`A ${dtype} tensor cannot hold a ${data[Symbol.toStringTag]}. Use cast() to convert.`, dtype);
  }
  if (data.length !== count) {
    throw new ShapeError(
      `Shape [${shape.join(', ')}] needs ${count} elements, but the data has ${data.length}.`,
      shape,
    );
  }
  return { dtype, shape, data };
}

/** The same elements under another shape, without a copy. @throws {ShapeError} when the number of elements differs. */
export function reshape<D extends DType>(source: Tensor<D>, shape: Shape): Tensor<D> {
  return tensor(source.dtype, shape, source.data);
}

/** Whether a tensor has this dtype; narrows its type, its data included. */
export function isOf<D extends DType>(source: Tensor, dtype: D): source is Tensor<D> {
  return source.dtype === dtype;
}

/** The memory of a tensor as bytes, without a copy. */
export function bytesOf(source: Tensor): Uint8Array {
  return new Uint8Array(source.data.buffer, source.data.byteOffset, source.data.byteLength);
}
