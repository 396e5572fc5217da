import type { DType } from '@forge/tensor';
import { elementTypes } from '../element-type.ts';
import { apply, type Value } from '../value.ts';

/** The same numbers in another dtype; `x` itself where it has that dtype. Source: ONNX operator `Cast`, opset 19. */
export function cast<D extends DType>(x: Value, dtype: D): Value<D> {
  if (hasDType(x, dtype)) return x;
  return apply('Cast', [x], { dtype, shape: x.shape }, { to: { int: elementTypes[dtype] } });
}

/** `x`, but no gradient flows back through it. Source: ONNX operator `Identity`, opset 19. */
export function stopGradient<D extends DType>(x: Value<D>): Value<D> {
  return apply('Identity', [x], x);
}

function hasDType<D extends DType>(x: Value, dtype: D): x is Value<D> {
  return x.dtype === dtype;
}
