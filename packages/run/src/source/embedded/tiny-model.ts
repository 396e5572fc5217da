import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { initialize, parseConfig, saveModel } from '@forge/models';
import type { TokenizerFiles } from './word-tokenizer.ts';
import { endTokenId, vocabSize } from './word-tokenizer.ts';

/** The sizes of a decoder. */
export interface TinyModelOptions {
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  /** Longest sequence that it can read. */
  readonly maxPositions: number;
}

/** Writes a Hugging Face folder with a Qwen3 model of random weights and the given tokenizer. */
export async function writeTinyModel(
  folder: string,
  tokenizer: TokenizerFiles,
  options: TinyModelOptions,
  seed: number,
): Promise<void> {
  const end = endTokenId(tokenizer);
  const config = parseConfig(
    {
      architectures: ['Qwen3ForCausalLM'],
      model_type: 'qwen3',
      vocab_size: vocabSize(tokenizer),
      hidden_size: options.hiddenSize,
      intermediate_size: options.intermediateSize,
      num_hidden_layers: options.numLayers,
      num_attention_heads: options.numAttentionHeads,
      num_key_value_heads: options.numKeyValueHeads,
      head_dim: options.headDim,
      max_position_embeddings: options.maxPositions,
      rms_norm_eps: 1e-6,
      rope_parameters: { rope_theta: 10_000, rope_type: 'default' },
      tie_word_embeddings: true,
      hidden_act: 'silu',
      attention_bias: false,
      dtype: 'float32',
      bos_token_id: null,
      eos_token_id: end,
      pad_token_id: end,
    },
    path.join(folder, 'config.json'),
  );
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(tokenizer)) {
    await writeFile(path.join(folder, name), `${JSON.stringify(content, undefined, 1)}\n`);
  }
  await saveModel(folder, { config, weights: initialize(config, seed) });
}
