import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { HubOptions } from '@forge/hub';
import { loadWeights } from './checkpoint.ts';
import { type ModelConfig, modelType, parseConfig } from './config.ts';
import { ModelFileError } from './errors.ts';
import { type GenerationDefaults, loadGenerationDefaults } from './generation-defaults.ts';
import { readRequiredJson } from './json-file.ts';
import type { LoadOptions } from './load-progress.ts';
import { COMPANION_FILES, CONFIG_FILE, TOKENIZER_FILE } from './model-files.ts';
import { resolveModel } from './resolve-model.ts';
import { saveWeights } from './save-weights.ts';
import { loadTokenizer, type Tokenizer } from './tokenizer.ts';
import { checkWeights, type Weights } from './weights.ts';
import { writeJson } from './write-json.ts';

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
  /** Weights beyond it are written as several files with an index. @default 50 GB, as transformers does */
  readonly maxShardBytes?: number;
}

/**
 * Reads `config.json` of a model folder, or of a model by its name on the hub.
 *
 * @throws {ModelFileError} {ConfigError} when it is missing or malformed; what {@link resolveModel} throws.
 */
export async function loadConfig(model: string, options: HubOptions = {}): Promise<ModelConfig> {
  const file = join(await resolveModel(model, { ...options, part: 'config' }), CONFIG_FILE);
  return parseConfig(await readRequiredJson(file), file);
}

/**
 * Reads a whole model: config, weights widened to float32, tokenizer, and what it recommends for sampling.
 *
 * @param model - a folder, or a name on the Hugging Face hub such as `Qwen/Qwen3-0.6B`; see {@link resolveModel}.
 * @throws {ModelFileError} {ConfigError} {SafetensorsError} {WeightsError} {ChatTemplateError} naming the file, and the
 * key or tensor at fault; what {@link resolveModel} throws.
 */
export async function loadModel(model: string, options: HubOptions & LoadOptions = {}): Promise<Model> {
  const folder = await resolveModel(model, options);
  const config = await loadConfig(folder);
  const tokenizer = await loadTokenizer(folder);
  checkTokenizer(tokenizer, { config, folder });
  const generation = await loadGenerationDefaults(folder);
  const weights = await loadWeights(folder, config, options);
  return { config, weights, tokenizer, generation };
}

/** An id without an embedding would be found in the middle of a run. */
function checkTokenizer({ vocabSize }: Tokenizer, { config, folder }: { config: ModelConfig; folder: string }): void {
  if (vocabSize <= config.vocabSize) return;
  throw new ModelFileError({
    file: join(folder, TOKENIZER_FILE),
    expected: `ids below the ${config.vocabSize} of vocab_size in ${CONFIG_FILE}`,
    got: `ids up to ${vocabSize - 1}: this is the tokenizer of another model`,
  });
}

/**
 * Writes a model folder that transformers opens; the folder is made when it is missing. Keys of the config that were
 * not understood are kept.
 *
 * @throws {WeightsError} before anything is written, when the weights do not fit the config.
 */
export async function saveModel(folder: string, saved: SavedModel): Promise<void> {
  const { config, weights, tokenizerFolder, dtype = config.storedDType, maxShardBytes } = saved;
  checkWeights(config, new Map(Object.entries(weights)));
  await mkdir(folder, { recursive: true });
  await saveWeights(folder, weights, { dtype, ...(maxShardBytes !== undefined && { maxShardBytes }) });
  await saveConfig(folder, { config, dtype, ...(tokenizerFolder !== undefined && { tokenizerFolder }) });
}

/** Writes what a model folder has beside the weights, as {@link saveModel} does. */
export async function saveConfig(folder: string, saved: Omit<SavedModel, 'weights' | 'maxShardBytes'>): Promise<void> {
  const { config, tokenizerFolder, dtype = config.storedDType } = saved;
  await writeJson(join(folder, CONFIG_FILE), configJson(config, dtype));
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
