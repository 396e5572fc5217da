import { initialize, type ModelConfig, parseConfig, type Weights } from '@forge/models';

/** A decoder of 0.8 million parameters with random weights: small enough that overhead shows. */
export function smallModel(): { readonly config: ModelConfig; readonly weights: Weights } {
  const config = parseConfig({
    architectures: ['Qwen3ForCausalLM'],
    model_type: 'qwen3',
    vocab_size: 512,
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
