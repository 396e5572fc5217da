import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { HubOptions } from '@forge/hub';
import { sameShape } from '@forge/tensor';
import type { ModelConfig } from '../config.ts';
import { type Fields, fields } from '../config-fields.ts';
import { WeightsError } from '../errors.ts';
import { readRequiredJson } from '../json-file.ts';
import { ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE } from '../model-files.ts';
import { resolveModel } from '../resolve-model.ts';
import { readSafetensors } from '../safetensors/read.ts';
import type { TensorRows } from '../safetensors/tensor-rows.ts';
import { type TensorPieces, writeSafetensors } from '../safetensors/write.ts';
import { writeSafetensorsRows } from '../safetensors/write-rows.ts';
import type { Weights } from '../weights.ts';
import { writeJson } from '../write-json.ts';
import { LORA_TARGETS, type LoraConfig } from './lora-config.ts';
import { adapters, loraParameters } from './lora-parameters.ts';

/** PEFT's name of a weight: the model inside its wrapper. Source: PEFT `get_peft_model_state_dict`. */
const peftName = (name: string): string => `base_model.model.${name}`;

/** Adapters of a model. */
export interface LoraAdapters {
  readonly lora: LoraConfig;
  /** By the names of {@link loraParameters}. */
  readonly weights: Weights;
}

/** Adapters to be written, and what they adapt. */
export interface SavedLora {
  readonly config: ModelConfig;
  readonly lora: LoraConfig;
  readonly weights: Readonly<Record<string, Weights[string] | TensorPieces>>;
  readonly modelName?: string;
}

/**
 * Writes adapters as PEFT does: `adapter_config.json` and `adapter_model.safetensors`; `PeftModel.from_pretrained` opens them.
 *
 * @param saved.weights - may hold those of the model too, which are not written.
 * @param saved.modelName - the folder or hub name of the model that is adapted. @default none is written
 */
export async function saveLora(folder: string, { config, lora, weights, modelName }: SavedLora): Promise<void> {
  const named = loraParameters(config, lora).map(({ name }) => [peftName(name), weights[name]!] as const); // all were given
  await mkdir(folder, { recursive: true });
  await writeSafetensors(join(folder, ADAPTER_WEIGHTS_FILE), Object.fromEntries(named));
  const { rank, alpha = 2 * rank, targetModules = LORA_TARGETS } = lora;
  const json = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: modelName ?? null,
    r: rank,
    lora_alpha: alpha,
    target_modules: targetModules,
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out: false,
    use_rslora: false,
    use_dora: false,
    modules_to_save: null,
    inference_mode: true,
  };
  await writeJson(join(folder, ADAPTER_CONFIG_FILE), json);
}

/** Writes rows of adapters, by the names of {@link loraParameters}, where {@link saveLora} has written others. */
export const writeLoraRows = (folder: string, rows: readonly TensorRows[]): Promise<void> =>
  writeSafetensorsRows(
    join(folder, ADAPTER_WEIGHTS_FILE),
    rows.map((each) => ({ ...each, name: peftName(each.name) })),
  );

/**
 * Reads adapters that PEFT or {@link saveLora} wrote, widened to float32.
 *
 * @param adaptersOf - a folder, or a name on the Hugging Face hub; see {@link resolveModel}.
 * @throws {ModelFileError} {SafetensorsError} when a file is missing or malformed.
 * @throws {ConfigError} when the adapters are of a kind that would be computed wrongly: other than LoRA, with biases, dropout
 * aside, DoRA, ranks that differ.
 * @throws {WeightsError} when a tensor is missing, left over or of another shape than the model calls for.
 */
export async function loadLora(
  adaptersOf: string,
  config: ModelConfig,
  options: HubOptions = {},
): Promise<LoraAdapters> {
  const folder = await resolveModel(adaptersOf, { ...options, part: 'adapters' });
  const file = join(folder, ADAPTER_CONFIG_FILE);
  const lora = parseLoraConfig(await readRequiredJson(file), file, config);
  const weightsFile = join(folder, ADAPTER_WEIGHTS_FILE);
  const read = new Map(Object.entries(await readSafetensors(weightsFile, { dtype: 'float32' })));
  const weights = loraParameters(config, lora).map(({ name, shape }) => {
    const found = read.get(peftName(name));
    read.delete(peftName(name));
    if (found === undefined || !sameShape(found.shape, shape)) {
      const got = found === undefined ? 'no such tensor' : `shape [${found.shape.join(', ')}]`;
      throw new WeightsError({
        file: weightsFile,
        tensor: peftName(name),
        expected: `shape [${shape.join(', ')}]`,
        got,
      });
    }
    return [name, found as Weights[string]] as const; // read as float32
  });
  for (const [tensor, { shape }] of read) {
    const got = `shape [${shape.join(', ')}]`;
    throw new WeightsError({ file: weightsFile, tensor, expected: `no such tensor in these adapters`, got });
  }
  return { lora, weights: Object.fromEntries(weights) };
}

/** Keys that change what is computed; adapters are read when they ask for none of it. */
const MUST_BE_EMPTY = [
  'use_dora',
  'fan_in_fan_out',
  'lora_bias',
  'rank_pattern',
  'alpha_pattern',
  'modules_to_save',
  'layers_to_transform',
  'layer_replication',
  'target_parameters',
  'trainable_token_indices',
  'alora_invocation_tokens',
  'arrow_config',
  'kasa_config',
  'monteclora_config',
  'use_bdlora',
  'use_qalora',
];

/** Beginnings that leave the weights of the model as they are. */
const PLAIN_BEGINNINGS: readonly unknown[] = [true, false, 'gaussian', 'eva', 'orthogonal'];

/** The LoRA of an `adapter_config.json`. Source: PEFT `LoraConfig`. */
function parseLoraConfig(json: unknown, file: string, config: ModelConfig): LoraConfig {
  const read = fields(json, file);
  const { value, refuse, count, positive, flag } = read;
  if (value('peft_type') !== 'LORA') throw refuse('peft_type', '"LORA"');
  if ((value('bias') ?? 'none') !== 'none') throw refuse('bias', '"none"');
  for (const key of MUST_BE_EMPTY) if (!isEmpty(value(key))) throw refuse(key, 'nothing');
  if (!PLAIN_BEGINNINGS.includes(value('init_lora_weights') ?? true)) {
    throw refuse('init_lora_weights', 'a beginning that leaves the model as it is; convert the adapters to plain LoRA');
  }
  const rank = count('r');
  const alpha = positive('lora_alpha', 8);
  return {
    rank,
    // Rank-stabilised LoRA scales by alpha / √rank.
    alpha: flag('use_rslora', false) ? alpha * Math.sqrt(rank) : alpha,
    targetModules: targetModulesOf(read, config),
  };
}

/** Modules by their last names. PEFT writes those of `all-linear` as a path in each layer. */
function targetModulesOf({ value, refuse }: Fields, config: ModelConfig): readonly string[] {
  const targets: unknown = value('target_modules');
  if (targets === 'all-linear') return LORA_TARGETS;
  const areNames = Array.isArray(targets) && targets.every((name) => typeof name === 'string');
  if (!areNames) throw refuse('target_modules', 'names of linear layers, or "all-linear"');
  const hits = (path: string, target: string): boolean => path === target || path.endsWith(`.${target}`);
  const paths = adapters(config, { rank: 1 }).map(({ weight }) => weight.name.slice(0, -'.weight'.length));
  const unknown = targets.find((target) => !paths.some((path) => hits(path, target)));
  if (unknown !== undefined)
    throw refuse('target_modules', `linear layers of a ${config.architecture}; ${unknown} is none`);
  const adapted = paths.filter((path) => targets.some((target) => hits(path, target)));
  return LORA_TARGETS.filter((module) => {
    const numLayers = adapted.filter((path) => hits(path, module)).length;
    if (numLayers === 0 || numLayers === config.numHiddenLayers) return numLayers > 0;
    throw refuse('target_modules', `the same modules in every layer; ${module} is adapted in ${numLayers} of them`);
  });
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === false || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
}
