import { cast, type DType, tensor } from '@forge/tensor';
import { normalizeSizes } from '../axis.ts';
import type { Dim } from '../dim.ts';
import { DTypeError } from '../errors.ts';
import { isFloating } from '../signature.ts';
import { integers, type SizesFrom, sizes } from '../sizes.ts';
import { apply, constant, type Value } from '../value.ts';

/** A value, or a number that stands for a scalar of the other operand's dtype. */
export type Operand<D extends DType = DType> = Value<D> | number;

/** A constant of shape []. @default dtype float32 @throws {DTypeError} when the dtype does not hold `value`. */
export function scalar(value: number): Value<'float32'>;
export function scalar<D extends DType>(value: number, dtype: D): Value<D>;
export function scalar(value: number, dtype: DType = 'float32'): Value {
  return scalarFor('Constant', value, dtype);
}

function scalarFor<D extends DType>(op: string, value: number, dtype: D): Value<D> {
  const given = tensor('float64', [], Float64Array.of(value));
  const held = cast(given, dtype);
  // Floats round; 0.5 as an integer, or 300 as uint8, would be another number.
  if (!isFloating(dtype) && cast(held, 'float64').data[0] !== value) {
    throw new DTypeError(op, [dtype], `${value} is no ${dtype}`);
  }
  return constant(held);
}

/**
 * Operands as values: a number takes the dtype of the first value.
 *
 * @throws {DTypeError} when all are numbers, or the dtype does not hold one.
 */
export function operands<D extends DType>(op: string, ...items: readonly Operand<D>[]): readonly Value<D>[] {
  const like = items.find((item) => typeof item !== 'number');
  if (like === undefined) throw new DTypeError(op, [], 'one operand at least must be a value');
  return items.map((item) => (typeof item === 'number' ? scalarFor(op, item, like.dtype) : item));
}

/**
 * Zeros of a shape. Symbolic sizes are read from the inputs that `sizesFrom` was computed from.
 *
 * @throws {ShapeError} when a symbol is the size of no axis of those inputs.
 * Source: ONNX operator `ConstantOfShape`, opset 9.
 */
export function zeros<D extends DType>(dtype: D, shape: readonly Dim[], sizesFrom: readonly Value[] = []): Value<D> {
  const dims = normalizeSizes('ConstantOfShape', shape, []);
  const value = cast(tensor('float64', [1]), dtype);
  return apply(
    'ConstantOfShape',
    [sizes('ConstantOfShape', dims, sizesFrom)],
    { dtype, shape: dims },
    { value: { tensor: value } },
  );
}

/**
 * The whole numbers from 0 to `end`, without it, as int64. A symbolic end is read from the inputs that `sizesFrom` was
 * computed from. Masks and positions are comparisons with it.
 *
 * @throws {ShapeError} when a symbol is the size of no axis of those inputs.
 * Source: ONNX operator `Range`, opset 11.
 */
export function arange(end: Dim, { sizesFrom = [] }: SizesFrom = {}): Value<'int64'> {
  const [size] = normalizeSizes('Range', [end], []) as readonly [Dim]; // as many as were given
  const type = { dtype: 'int64', shape: [] } as const;
  const limit = apply('Squeeze', [sizes('Range', [size], sizesFrom), integers([0])], type);
  return apply('Range', [scalar(0, 'int64'), limit, scalar(1, 'int64')], { dtype: 'int64', shape: [size] });
}
