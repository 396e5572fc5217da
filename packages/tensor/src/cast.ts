import { allocate, type DType, kindOf, type TypedArray, type TypedArrayOf } from './dtype.ts';
import { fromBfloat16, fromFloat16, roundToOdd, toBfloat16, toFloat16 } from './half.ts';
import type { Tensor } from './tensor.ts';

type Bigints = BigInt64Array | BigUint64Array;
/** Arrays whose elements are the numbers that they stand for (half floats are widened first). */
type Numbers = Exclude<TypedArray, Bigints>;

function isBigints(values: TypedArray): values is Bigints {
  return values instanceof BigInt64Array || values instanceof BigUint64Array;
}

function widened(source: Tensor): TypedArray {
  // A tensor's data is the array of its dtype; the two half floats are both kept as Uint16Array.
  if (source.dtype === 'float16') return fromFloat16(source.data as Uint16Array);
  if (source.dtype === 'bfloat16') return fromBfloat16(source.data as Uint16Array);
  return source.data;
}

/** A 64-bit integer as a double whose last bit is odd when it is not exact, so that a second rounding is right. */
function oddDouble(value: bigint): number {
  const magnitude = value < 0n ? -value : value;
  const excess = magnitude.toString(2).length - 53;
  if (excess <= 0) return Number(value);
  const shift = BigInt(excess);
  const kept = magnitude >> shift;
  const odd = kept << shift === magnitude ? kept : kept | 1n;
  const double = Number(odd << shift);
  return value < 0n ? -double : double;
}

function toFloat32(values: TypedArray): Float32Array {
  if (values instanceof Float32Array) return values;
  return isBigints(values) ? Float32Array.from(values, oddDouble) : new Float32Array(values);
}

/** Float32 values that round to the right half floats: what does not fit float32 is rounded to odd. */
function beforeHalf(values: TypedArray): Float32Array {
  if (values instanceof Float32Array) return values;
  if (isBigints(values)) return Float32Array.from(values, (value) => roundToOdd(oddDouble(value)));
  return Float32Array.from(values as Float64Array, roundToOdd); // every Numbers array maps its elements alike
}

/** The whole numbers that a dtype can hold; 64-bit limits are rounded inwards to doubles by the comparison below. */
const limits = {
  int8: [-0x80, 0x7f],
  uint8: [0, 0xff],
  int16: [-0x8000, 0x7fff],
  uint16: [0, 0xffff],
  int32: [-0x80000000, 0x7fffffff],
  uint32: [0, 0xffffffff],
} as const;

const bigLimits = {
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
} as const;

function toBigints(source: TypedArray, dtype: 'int64' | 'uint64', isFloat: boolean): Bigints {
  const target = allocate(dtype, source.length);
  const [least, most] = bigLimits[dtype];
  for (let index = 0; index < source.length; index += 1) {
    const value = source[index]!;
    if (typeof value === 'bigint' || !isFloat) target[index] = BigInt(value);
    else if (value >= Number(most)) target[index] = most;
    else if (value <= Number(least)) target[index] = least;
    else target[index] = Number.isNaN(value) ? 0n : BigInt(Math.trunc(value));
  }
  return target;
}

function toIntegers(source: TypedArray, dtype: keyof typeof limits, isFloat: boolean): Numbers {
  const target: Numbers = allocate(dtype, source.length);
  if (isBigints(source)) {
    for (let index = 0; index < source.length; index += 1) target[index] = Number(BigInt.asIntN(32, source[index]!));
  } else if (!isFloat) {
    target.set(source);
  } else {
    const [least, most] = limits[dtype];
    // NaN stays NaN here, and the array stores it as 0.
    for (let index = 0; index < source.length; index += 1) {
      target[index] = Math.min(most, Math.max(least, source[index]!));
    }
  }
  return target;
}

function toBooleans(source: TypedArray): Uint8Array {
  const target = new Uint8Array(source.length);
  for (let index = 0; index < source.length; index += 1) target[index] = Number(source[index]) === 0 ? 0 : 1;
  return target;
}

function converted(source: Tensor, dtype: DType): TypedArray {
  const values = widened(source);
  const isFloat = kindOf(source.dtype) === 'float';
  switch (dtype) {
    case 'float32':
      return toFloat32(values);
    case 'float64':
      return isBigints(values) ? Float64Array.from(values, Number) : new Float64Array(values);
    case 'float16':
      return toFloat16(beforeHalf(values));
    case 'bfloat16':
      return toBfloat16(beforeHalf(values));
    case 'bool':
      return toBooleans(values);
    case 'int64':
    case 'uint64':
      return toBigints(values, dtype, isFloat);
    default:
      return toIntegers(values, dtype, isFloat);
  }
}

/**
 * The tensor in another dtype; the same tensor when it has that dtype already. To a float: nearest, ties to even.
 * From a float to an integer: towards zero, values beyond the limits become the limits, NaN becomes 0. Between integers:
 * modulo the width. To bool: everything but zero is true.
 */
export function cast<D extends DType>(source: Tensor, dtype: D): Tensor<D> {
  // When the dtypes are equal the source is a Tensor<D>; otherwise converted() returns the array of `dtype`.
  if (source.dtype === dtype) return source as Tensor<D>;
  return { dtype, shape: source.shape, data: converted(source, dtype) as TypedArrayOf[D] };
}
