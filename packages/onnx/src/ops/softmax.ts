import type { DType } from '@forge/tensor';
import { normalizeAxis } from '../axis.ts';
import { apply, type Value } from '../value.ts';

/** `e ** x / Σ e ** x` along `axis`. @default axis the last. Source: ONNX operator `Softmax`, opset 13. */
export function softmax<D extends DType>(x: Value<D>, axis = -1): Value<D> {
  return apply('Softmax', [x], x, { axis: { int: normalizeAxis('Softmax', axis, x.shape) } });
}

/** `x - log Σ e ** x` along `axis`. @default axis the last. Source: ONNX operator `LogSoftmax`, opset 13. */
export function logSoftmax<D extends DType>(x: Value<D>, axis = -1): Value<D> {
  return apply('LogSoftmax', [x], x, { axis: { int: normalizeAxis('LogSoftmax', axis, x.shape) } });
}
