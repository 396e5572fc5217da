import { type ModelConfig, parseConfig } from '@forge/models';

/** Vocabulary, width, layers, heads, key/value heads, feed-forward width. */
const SIZES: Readonly<Record<string, readonly [number, number, number, number, number, number]>> = {
  A: [64, 128, 4, 4, 2, 384],
  B: [512, 256, 4, 4, 2, 768],
  C: [4096, 512, 6, 8, 4, 1536],
};

/** The model of a letter: 0.8, 3.3 or 17 million parameters. */
export function configOf(size: string): ModelConfig {
  const found = SIZES[size];
  if (found === undefined) throw new RangeError(`No size ${size}: there are ${Object.keys(SIZES).join(', ')}.`);
  const [vocabulary, width, layers, heads, kvHeads, feedForward] = found;
  return parseConfig({
    architectures: ['Qwen3ForCausalLM'],
    vocab_size: vocabulary,
    hidden_size: width,
    intermediate_size: feedForward,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    head_dim: width / heads,
    max_position_embeddings: 512,
    tie_word_embeddings: true,
  });
}
