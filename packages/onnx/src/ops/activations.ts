import type { DType } from '@forge/tensor';
import { apply, type Value } from '../value.ts';
import { add, mul, neg } from './elementwise.ts';

/** `1 / (1 + e ** -x)`. Source: ONNX operator `Sigmoid`, opset 13. */
export const sigmoid = <D extends DType>(x: Value<D>): Value<D> => apply('Sigmoid', [x], x);

/** The hyperbolic tangent. Source: ONNX operator `Tanh`, opset 13. */
export const tanh = <D extends DType>(x: Value<D>): Value<D> => apply('Tanh', [x], x);

/** `max(x, 0)`. Source: ONNX operator `Relu`, opset 14. */
export const relu = <D extends DType>(x: Value<D>): Value<D> => apply('Relu', [x], x);

/**
 * `x * sigmoid(x)`; one kernel where there is one, which is for float32.
 *
 * Source: onnxruntime operator `QuickGelu` (com.microsoft) with alpha 1.
 */
export function silu<D extends DType>(x: Value<D>): Value<D> {
  if (x.dtype !== 'float32') {
    // σ(x) = (1 + tanh(x/2)) / 2. Spelled with Sigmoid, onnxruntime would fuse it into the kernel that does not exist.
    const half = mul(x, 0.5);
    return mul(half, add(tanh(half), 1));
  }
  return apply('QuickGelu', [x], x, { alpha: { float: 1 } });
}

export interface GeluOptions {
  /** `'tanh'` is what GPT-2 and Gemma compute. @default 'none', which is exact */
  readonly approximate?: 'none' | 'tanh';
}

/**
 * `x * Φ(x)` with the distribution function Φ of the normal distribution. On a CPU for float32.
 *
 * Source: arXiv:1606.08415; ONNX operator `Gelu`, opset 20.
 */
export function gelu<D extends DType>(x: Value<D>, { approximate = 'none' }: GeluOptions = {}): Value<D> {
  return apply('Gelu', [x], x, { approximate: { string: approximate } });
}

/** `log(1 + e ** x)`, without overflow. On a CPU for float32. Source: ONNX operator `Softplus`, opset 1. */
export const softplus = <D extends DType>(x: Value<D>): Value<D> => apply('Softplus', [x], x);

/** `log(sigmoid(x))`, without overflow: the loss of a preference. On a CPU for float32. */
export const logSigmoid = <D extends DType>(x: Value<D>): Value<D> => neg(softplus(neg(x)));
