import { normalizeAxis } from '../axis.ts';
import { apply, type Value } from '../value.ts';

/** `e ** x / Σ e ** x` along `axis`. @default axis the last. Source: ONNX operator `Softmax`, opset 13. */
export function softmax(x: Value, axis = -1): Value {
  return apply('Softmax', [x], x, { axis: { int: normalizeAxis('Softmax', axis, x.shape) } });
}

/** `x - log Σ e ** x` along `axis`. @default axis the last. Source: ONNX operator `LogSoftmax`, opset 13. */
export function logSoftmax(x: Value, axis = -1): Value {
  return apply('LogSoftmax', [x], x, { axis: { int: normalizeAxis('LogSoftmax', axis, x.shape) } });
}
