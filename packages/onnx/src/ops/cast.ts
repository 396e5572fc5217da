import type { DType } from '@forge/tensor';
import { elementTypes } from '../element-type.ts';
import { apply, type Value } from '../value.ts';

/** The same numbers in another dtype; `x` itself where it has that dtype. Source: ONNX operator `Cast`, opset 19. */
export function cast(x: Value, dtype: DType): Value {
  if (x.dtype === dtype) return x;
  return apply('Cast', [x], { dtype, shape: x.shape }, { to: { int: elementTypes[dtype] } });
}

/** `x`, but no gradient flows back through it. Source: ONNX operator `Identity`, opset 19. */
export function stopGradient(x: Value): Value {
  return apply('Identity', [x], x);
}
