import type { DType } from '@forge/tensor';

/** The number of each dtype in ONNX files and in onnxruntime's C API. Source: onnx.proto, `TensorProto.DataType`. */
export const elementTypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const satisfies Record<DType, number>;

// The entries of a table over DType have DType keys.
const dtypeByElementType = new Map(
  (Object.entries(elementTypes) as [DType, number][]).map(([dtype, type]) => [type, dtype]),
);

/** The dtype with this number in ONNX; `undefined` for strings, complex numbers and packed or 8-bit floats. */
export function dtypeOfElementType(elementType: number): DType | undefined {
  return dtypeByElementType.get(elementType);
}
