import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initialize, loadTokenizer, type ModelConfig, parseConfig, saveModel } from '@forge/models';
import { goldenFolder } from './golden-models.ts';

/** A model folder with a tokenizer, a chat template and random weights, removed when it is disposed of. */
export interface ModelFolder extends AsyncDisposable {
  readonly path: string;
  readonly config: ModelConfig;
}

export async function makeModelFolder(changes: Readonly<Record<string, unknown>> = {}): Promise<ModelFolder> {
  const tokenizerFolder = goldenFolder('tokenizer');
  const { vocabSize } = await loadTokenizer(tokenizerFolder);
  const config = parseConfig({
    architectures: ['Qwen3ForCausalLM'],
    model_type: 'qwen3',
    vocab_size: vocabSize,
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    head_dim: 16,
    max_position_embeddings: 512,
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
    tie_word_embeddings: true,
    hidden_act: 'silu',
    initializer_range: 0.3,
    ...changes,
  });
  const path = await mkdtemp(join(tmpdir(), 'forge-generator-'));
  await saveModel(path, { config, weights: initialize(config, 0), tokenizerFolder });
  return { path, config, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
