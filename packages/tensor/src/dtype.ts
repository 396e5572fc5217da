/** The array that holds the elements of each dtype; half floats are kept as their 16-bit patterns. */
export interface TypedArrayOf {
  readonly float32: Float32Array;
  readonly float64: Float64Array;
  readonly float16: Uint16Array;
  readonly bfloat16: Uint16Array;
  readonly int8: Int8Array;
  readonly uint8: Uint8Array;
  readonly int16: Int16Array;
  readonly uint16: Uint16Array;
  readonly int32: Int32Array;
  readonly uint32: Uint32Array;
  readonly int64: BigInt64Array;
  readonly uint64: BigUint64Array;
  readonly bool: Uint8Array;
}

/** The name of an element type, spelled as PyTorch spells it. */
export type DType = keyof TypedArrayOf;

/** Any of the arrays that hold elements. */
export type TypedArray = TypedArrayOf[DType];

type ConstructorOf<A> = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => A;

interface DTypeFacts<D extends DType> {
  readonly bytes: number;
  readonly kind: 'float' | 'integer' | 'bool';
  readonly array: ConstructorOf<TypedArrayOf[D]>;
}

const facts: { readonly [D in DType]: DTypeFacts<D> } = {
  float32: { bytes: 4, kind: 'float', array: Float32Array },
  float64: { bytes: 8, kind: 'float', array: Float64Array },
  float16: { bytes: 2, kind: 'float', array: Uint16Array },
  bfloat16: { bytes: 2, kind: 'float', array: Uint16Array },
  int8: { bytes: 1, kind: 'integer', array: Int8Array },
  uint8: { bytes: 1, kind: 'integer', array: Uint8Array },
  int16: { bytes: 2, kind: 'integer', array: Int16Array },
  uint16: { bytes: 2, kind: 'integer', array: Uint16Array },
  int32: { bytes: 4, kind: 'integer', array: Int32Array },
  uint32: { bytes: 4, kind: 'integer', array: Uint32Array },
  int64: { bytes: 8, kind: 'integer', array: BigInt64Array },
  uint64: { bytes: 8, kind: 'integer', array: BigUint64Array },
  bool: { bytes: 1, kind: 'bool', array: Uint8Array },
};

/** Every dtype, in the order of the table. */
// The keys of `facts` are exactly the members of DType: its type is mapped over DType.
export const dtypes: readonly DType[] = Object.keys(facts) as DType[];

/** Whether a string that came from outside names a dtype. */
export function isDType(name: string): name is DType {
  return Object.hasOwn(facts, name);
}

/** Bytes that one element takes. */
export function bytesPerElement(dtype: DType): number {
  return facts[dtype].bytes;
}

/** Whether a dtype holds floating point numbers, whole numbers or truth values. */
export function kindOf(dtype: DType): 'float' | 'integer' | 'bool' {
  return facts[dtype].kind;
}

/** A new array of zeros for `count` elements. */
export function allocate<D extends DType>(dtype: D, count: number): TypedArrayOf[D] {
  return viewElements(dtype, new ArrayBuffer(count * bytesPerElement(dtype)), { count });
}

/** Which bytes of a buffer a view covers. */
export interface ElementRange {
  /** Where the first element lies; a multiple of the element's bytes. @default 0 */
  readonly byteOffset?: number;
  /** Number of elements. */
  readonly count: number;
}

/** The elements that lie in a buffer, without a copy. @throws RangeError when the offset is not aligned or the range does not fit. */
export function viewElements<D extends DType>(
  dtype: D,
  buffer: ArrayBufferLike,
  { byteOffset = 0, count }: ElementRange,
): TypedArrayOf[D] {
  return new facts[dtype].array(buffer, byteOffset, count);
}

/** Whether an array is of the class that holds this dtype. */
export function holds<D extends DType>(dtype: D, data: TypedArray): data is TypedArrayOf[D] {
  return data[Symbol.toStringTag] === facts[dtype].array.name;
}
