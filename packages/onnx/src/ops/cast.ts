import type { DType } from '@forge/tensor';
import { apply, type Value } from '../value.ts';

/** ONNX's number of each dtype. Source: onnx.proto, `TensorProto.DataType`. */
export const elementTypes: Readonly<Record<DType, number>> = {
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
};

/** The same numbers in another dtype; `x` itself where it has that dtype. Source: ONNX operator `Cast`, opset 19. */
export function cast(x: Value, dtype: DType): Value {
  if (x.dtype === dtype) return x;
  return apply('Cast', [x], { dtype, shape: x.shape }, { to: { int: elementTypes[dtype] } });
}

/** `x`, but no gradient flows back through it. Source: ONNX operator `Identity`, opset 19. */
export function stopGradient(x: Value): Value {
  return apply('Identity', [x], x);
}
