// N tokens, D model width, F feed-forward width

import { mul, silu, type Value } from '@forge/onnx';
import { linear } from './linear.ts';
import type { WeightInputs } from './weight-inputs.ts';

/** `down(silu(gate(x)) * up(x))`. Returns [N, D]. Source: arXiv:2002.05202, SwiGLU */
export function feedForward(x_ND: Value, weights: WeightInputs): Value {
  const gate_NF = linear(x_ND, weights.within('gate_proj'));
  const up_NF = linear(x_ND, weights.within('up_proj'));
  return linear(mul(silu(gate_NF), up_NF), weights.within('down_proj'));
}
