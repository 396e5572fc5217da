import { initialize, parseConfig } from '@forge/models';
import type { ModelWeights } from '../src/training-options.ts';

/** A new Qwen3 of two layers that trains in milliseconds; its weights depend on the seed alone. */
export function tinyModel(seed: number, changes: Readonly<Record<string, unknown>> = {}): ModelWeights {
  const config = parseConfig({
    architectures: ['Qwen3ForCausalLM'],
    model_type: 'qwen3',
    vocab_size: 24,
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 8,
    max_position_embeddings: 64,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
    tie_word_embeddings: true,
    torch_dtype: 'float32',
    ...changes,
  });
  return { config, weights: initialize(config, seed) };
}
