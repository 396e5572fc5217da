// N tokens, I input width, O output width

import { add, matMul, type Value } from '@forge/onnx';
import type { WeightInputs } from './weight-inputs.ts';

/**
 * `x_NI @ weight_OIᵀ + bias_O`, the bias only where the model has one, and `scale · (x @ Aᵀ) @ Bᵀ` where the layer has an
 * adapter. Returns [N, O].
 */
export function linear(x_NI: Value, weights: WeightInputs): Value {
  const y_NO = weights.product(x_NI, 'weight');
  const [bias_O, a_rI, b_Or] = [weights.find('bias'), weights.find('lora_A.weight'), weights.find('lora_B.weight')];
  const biased_NO = bias_O === undefined ? y_NO : add(y_NO, bias_O);
  if (a_rI === undefined || b_Or === undefined) return biased_NO;
  const x_Nr = matMul(x_NI, a_rI, { transposeB: true });
  return add(biased_NO, matMul(x_Nr, b_Or, { transposeB: true, alpha: weights.adapterScale }));
}
