import { initialize, type ModelConfig, parameters, parseConfig, type Weights } from '@forge/models';
import { Random, tensor } from '@forge/tensor';

/** A decoder of 0.8 million parameters with random weights: small enough that overhead shows. */
export function smallModel(): { readonly config: ModelConfig; readonly weights: Weights } {
  const config = parseConfig({
    architectures: ['Qwen3ForCausalLM'],
    model_type: 'qwen3',
    vocab_size: 64,
    hidden_size: 128,
    intermediate_size: 384,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 32,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
    tie_word_embeddings: true,
    hidden_act: 'silu',
    initializer_range: 0.05,
  });
  return { config, weights: initialize(config, 0) };
}

/** The first layers of a decoder of the shape of Qwen3-0.6B. Its numbers repeat: drawing 600 million takes long. */
export function largeModel(numLayers: number): { readonly config: ModelConfig; readonly weights: Weights } {
  const config = parseConfig({
    architectures: ['Qwen3ForCausalLM'],
    model_type: 'qwen3',
    vocab_size: 151_936,
    hidden_size: 1024,
    intermediate_size: 3072,
    num_hidden_layers: numLayers,
    num_attention_heads: 16,
    num_key_value_heads: 8,
    head_dim: 128,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
    tie_word_embeddings: true,
    hidden_act: 'silu',
  });
  const random = new Random('large model');
  const pool = Float32Array.from({ length: (1 << 20) + 3 }, () => 0.02 * random.normal());
  let at = 0;
  const weights = parameters(config).map(({ name, shape, role }) => {
    const weight = tensor('float32', shape);
    if (role === 'norm') weight.data.fill(1);
    for (let from = 0; role !== 'norm' && from < weight.data.length; ) {
      const piece = pool.subarray(at, at + weight.data.length - from);
      weight.data.set(piece, from);
      from += piece.length;
      at = (at + piece.length) % pool.length;
    }
    return [name, weight] as const;
  });
  return { config, weights: Object.fromEntries(weights) };
}
