import { tensor } from '@forge/tensor';
import type { ModelWeights } from '../src/training-options.ts';
import { tinyModel } from './tiny-model.ts';

/**
 * A model whose logits after token `i` are row `i`: layers add nothing, the embedding is the row filled up to a common length, so
 * that the last norm divides each by the same number, and the head multiplies by that.
 *
 * @param rows - at most as many as they have columns, which are the vocabulary.
 */
export function lookupModel(rows: readonly (readonly number[])[]): ModelWeights {
  const vocabulary = rows[0]!.length;
  const width = vocabulary + 2;
  const model = tinyModel(1, {
    vocab_size: vocabulary,
    hidden_size: width,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 2,
    tie_word_embeddings: false,
    rms_norm_eps: 1e-20,
  });
  const squares = rows.map((row) => row.reduce((sum, z) => sum + z * z, 0));
  const rms = Math.sqrt((1.5 * Math.max(...squares)) / width);
  const embedding = tensor('float32', [vocabulary, width]);
  const head = tensor('float32', [vocabulary, width]);
  for (const [i, row] of rows.entries()) {
    embedding.data.set(row, i * width);
    embedding.data[i * width + vocabulary] = Math.sqrt(width * rms ** 2 - squares[i]!);
  }
  for (let v = 0; v < vocabulary; v++) head.data[v * width + v] = rms;
  const weights = Object.entries(model.weights).map(([name, weight]) => {
    const addsNothing = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight');
    return [name, addsNothing ? tensor('float32', weight.shape) : weight] as const;
  });
  return {
    ...model,
    weights: { ...Object.fromEntries(weights), 'model.embed_tokens.weight': embedding, 'lm_head.weight': head },
  };
}
