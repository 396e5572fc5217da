// N tokens, D model width

import { add, rmsNorm, type Value } from '@forge/onnx';
import { attention, type LayerContext } from './attention.ts';
import { feedForward } from './feed-forward.ts';
import type { WeightInputs } from './weight-inputs.ts';

/** One layer: `h = x + attention(norm(x))`, then `h + feedForward(norm(h))`. Returns [N, D]. */
export function block(
  x_ND: Value,
  {
    weights,
    layer,
    context,
  }: { readonly weights: WeightInputs; readonly layer: number; readonly context: LayerContext },
): Value {
  const { rmsNormEps } = context.config;
  const normed_ND = rmsNorm(x_ND, weights.get('input_layernorm.weight'), rmsNormEps);
  const h_ND = add(x_ND, attention(normed_ND, { weights: weights.within('self_attn'), layer, context }));
  const inner_ND = rmsNorm(h_ND, weights.get('post_attention_layernorm.weight'), rmsNormEps);
  return add(h_ND, feedForward(inner_ND, weights.within('mlp')));
}
