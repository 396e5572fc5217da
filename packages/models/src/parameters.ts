// D hidden size, H query heads times head dim, K key-value heads times head dim, F feed-forward width, V vocabulary

import type { ModelConfig } from './config.ts';

/** What a weight is in the model, which decides how it starts. */
export type ParameterRole = 'embedding' | 'projection' | 'residual' | 'norm' | 'bias';

/** One weight of a model: its Hugging Face name and its shape, `[out, in]` for a linear layer. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: ParameterRole;
}

/** Every weight of a model, in the order of PyTorch's `named_parameters()`; a tied model has no `lm_head.weight`. */
export function parameters(config: ModelConfig): readonly Parameter[] {
  const { vocabSize, hiddenSize, numHiddenLayers, tieWordEmbeddings } = config;
  const embedding: Parameter = { name: 'model.embed_tokens.weight', shape: [vocabSize, hiddenSize], role: 'embedding' };
  const layers = Array.from({ length: numHiddenLayers }, (_, layer) => layerParameters(config, layer));
  const norm: Parameter = { name: 'model.norm.weight', shape: [hiddenSize], role: 'norm' };
  const head: Parameter = { name: 'lm_head.weight', shape: [vocabSize, hiddenSize], role: 'projection' };
  return [embedding, ...layers.flat(), norm, ...(tieWordEmbeddings ? [] : [head])];
}

function layerParameters(config: ModelConfig, layer: number): readonly Parameter[] {
  const { hiddenSize: D, intermediateSize: F, headDim } = config;
  const H = config.numAttentionHeads * headDim;
  const K = config.numKeyValueHeads * headDim;
  const prefix = `model.layers.${layer}`;
  const linear = (name: string, shape: readonly [number, number], hasBias: boolean): readonly Parameter[] => [
    { name: `${prefix}.${name}.weight`, shape, role: isResidual(name) ? 'residual' : 'projection' },
    ...(hasBias ? [{ name: `${prefix}.${name}.bias`, shape: [shape[0]], role: 'bias' } as const] : []),
  ];
  const norm = (name: string, width: number): Parameter => ({
    name: `${prefix}.${name}.weight`,
    shape: [width],
    role: 'norm',
  });
  return [
    ...linear('self_attn.q_proj', [H, D], config.queryKeyValueBias),
    ...linear('self_attn.k_proj', [K, D], config.queryKeyValueBias),
    ...linear('self_attn.v_proj', [K, D], config.queryKeyValueBias),
    ...linear('self_attn.o_proj', [D, H], config.outputBias),
    ...(config.queryKeyNorm ? [norm('self_attn.q_norm', headDim), norm('self_attn.k_norm', headDim)] : []),
    ...linear('mlp.gate_proj', [F, D], config.mlpBias),
    ...linear('mlp.up_proj', [F, D], config.mlpBias),
    ...linear('mlp.down_proj', [D, F], config.mlpBias),
    norm('input_layernorm', D),
    norm('post_attention_layernorm', D),
  ];
}

/** The two projections whose outputs are added to the residual stream. */
function isResidual(name: string): boolean {
  return name === 'self_attn.o_proj' || name === 'mlp.down_proj';
}
