// N tokens, I input width, O output width

import { add, matMul, type Value } from '@forge/onnx';
import type { WeightInputs } from './weight-inputs.ts';

/** `x_NI @ weight_OIᵀ + bias_O`, the bias only where the model has one. Returns [N, O]. */
export function linear(x_NI: Value, weights: WeightInputs): Value {
  const y_NO = matMul(x_NI, weights.get('weight'), { transposeB: true });
  const bias_O = weights.find('bias');
  return bias_O === undefined ? y_NO : add(y_NO, bias_O);
}
