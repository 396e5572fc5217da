import { cast, type DType, tensor } from '@forge/tensor';
import type { Dim } from '../dim.ts';
import { DTypeError } from '../errors.ts';
import { sizes } from '../sizes.ts';
import { apply, constant, type Value } from '../value.ts';

/** A value, or a number that stands for a scalar of the other operand's dtype. */
export type Operand = Value | number;

/** A constant of shape []. @default dtype float32 */
export function scalar(value: number, dtype: DType = 'float32'): Value {
  return constant(cast(tensor('float64', [], Float64Array.of(value)), dtype));
}

/** Operands as values: a number takes the dtype of the first value. @throws {DTypeError} when all are numbers. */
export function operands(op: string, ...items: readonly Operand[]): readonly Value[] {
  const like = items.find((item) => typeof item !== 'number');
  if (like === undefined) throw new DTypeError(op, [], 'one operand at least must be a value');
  return items.map((item) => (typeof item === 'number' ? scalar(item, like.dtype) : item));
}

/**
 * Zeros of a shape. Symbolic sizes are read from the inputs that `sizesFrom` was computed from.
 *
 * @throws {ShapeError} when a symbol is the size of no axis of those inputs.
 * Source: ONNX operator `ConstantOfShape`, opset 9.
 */
export function zeros(dtype: DType, shape: readonly Dim[], sizesFrom: readonly Value[] = []): Value {
  const value = cast(tensor('float64', [1]), dtype);
  return apply(
    'ConstantOfShape',
    [sizes('ConstantOfShape', shape, sizesFrom)],
    { dtype, shape },
    { value: { tensor: value } },
  );
}
