import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadWeights, WEIGHTS_FILE } from './checkpoint.ts';
import { type ModelConfig, modelType, parseConfig } from './config.ts';
import { ModelFileError } from './errors.ts';
import { type GenerationDefaults, loadGenerationDefaults } from './generation-defaults.ts';
import { readRequiredJson } from './json-file.ts';
import { writeSafetensors } from './safetensors/write.ts';
import { loadTokenizer, type Tokenizer } from './tokenizer.ts';
import { checkWeights, type Weights } from './weights.ts';

/** Everything that a Hugging Face model folder holds. */
export interface Model {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly tokenizer: Tokenizer;
  readonly generation: GenerationDefaults;
}

/** What to write into a model folder. */
export interface SavedModel {
  readonly config: ModelConfig;
  readonly weights: Weights;
  /** A folder whose tokenizer and generation files are copied. @default none are written */
  readonly tokenizerFolder?: string;
  /** How weights are stored. @default the dtype that the config declares */
  readonly dtype?: ModelConfig['storedDType'];
}

/** Read with the weights by transformers; those that a folder lacks are skipped. */
const COMPANION_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'generation_config.json',
];

/** Reads `config.json` of a model folder. @throws {ModelFileError} {ConfigError} when it is missing or malformed */
export async function loadConfig(folder: string): Promise<ModelConfig> {
  const file = join(folder, 'config.json');
  return parseConfig(await readRequiredJson(file), file);
}

/**
 * Reads a whole model folder: config, weights widened to float32, tokenizer, and what it recommends for sampling.
 *
 * @throws {ModelFileError} {ConfigError} {SafetensorsError} {WeightsError} {ChatTemplateError} naming the file, and the
 * key or tensor at fault.
 */
export async function loadModel(folder: string): Promise<Model> {
  const config = await loadConfig(folder);
  const tokenizer = await loadTokenizer(folder);
  const generation = await loadGenerationDefaults(folder);
  const weights = await loadWeights(folder, config);
  return { config, weights, tokenizer, generation };
}

/**
 * Writes a model folder that transformers opens; the folder is made when it is missing. Keys of the config that were
 * not understood are kept.
 *
 * @throws {WeightsError} before anything is written, when the weights do not fit the config.
 */
export async function saveModel(folder: string, saved: SavedModel): Promise<void> {
  const { config, weights, tokenizerFolder, dtype = config.storedDType } = saved;
  checkWeights(config, new Map(Object.entries(weights)));
  await mkdir(folder, { recursive: true });
  await writeSafetensors(join(folder, WEIGHTS_FILE), weights, { dtype });
  await writeFile(join(folder, 'config.json'), `${JSON.stringify(configJson(config, dtype), undefined, 2)}\n`);
  if (tokenizerFolder === undefined || tokenizerFolder === folder) return;
  for (const name of COMPANION_FILES) await copyIfPresent(join(tokenizerFolder, name), join(folder, name));
}

/** The JSON that was parsed, completed by what transformers would otherwise fill in differently. */
function configJson(config: ModelConfig, dtype: ModelConfig['storedDType']): Record<string, unknown> {
  const { json } = config;
  const hasRope = [json['rope_parameters'], json['rope_theta']].some((value) => value !== undefined && value !== null);
  return {
    architectures: [config.architecture],
    model_type: modelType(config.architecture),
    ...json,
    num_key_value_heads: config.numKeyValueHeads,
    ...(hasRope ? {} : { rope_theta: config.rope.theta }),
    ['torch_dtype' in json ? 'torch_dtype' : 'dtype']: dtype,
  };
}

async function copyIfPresent(source: string, target: string): Promise<void> {
  try {
    await copyFile(source, target);
  } catch (cause) {
    // Node's file system rejects with errors that carry a code.
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOENT')
      throw new ModelFileError({ file: source, expected: 'to be copied', got: code ?? message, cause });
  }
}
