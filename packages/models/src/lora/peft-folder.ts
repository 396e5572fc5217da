import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sameShape } from '@forge/tensor';
import type { ModelConfig } from '../config.ts';
import { fields } from '../config-fields.ts';
import { WeightsError } from '../errors.ts';
import { readRequiredJson } from '../json-file.ts';
import { readSafetensors } from '../safetensors/read.ts';
import { writeSafetensors } from '../safetensors/write.ts';
import type { Weights } from '../weights.ts';
import { LORA_TARGETS, type LoraConfig } from './lora-config.ts';
import { loraParameters } from './lora-parameters.ts';

const CONFIG_FILE = 'adapter_config.json';
const WEIGHTS_FILE = 'adapter_model.safetensors';

/** PEFT's name of a weight: the model inside its wrapper. Source: PEFT `get_peft_model_state_dict`. */
const peftName = (name: string): string => `base_model.model.${name}`;

/** Adapters of a model. */
export interface LoraAdapters {
  readonly lora: LoraConfig;
  /** By the names of {@link loraParameters}. */
  readonly weights: Weights;
}

/**
 * Writes adapters as PEFT does: `adapter_config.json` and `adapter_model.safetensors`; `PeftModel.from_pretrained` opens them.
 *
 * @param saved.weights - may hold those of the model too, which are not written.
 * @param saved.modelName - the folder or hub name of the model that is adapted. @default none is written
 */
export async function saveLora(
  folder: string,
  { config, lora, weights, modelName }: LoraAdapters & { readonly config: ModelConfig; readonly modelName?: string },
): Promise<void> {
  const named = loraParameters(config, lora).map(({ name }) => [peftName(name), weights[name]!] as const); // all were given
  await mkdir(folder, { recursive: true });
  await writeSafetensors(join(folder, WEIGHTS_FILE), Object.fromEntries(named));
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
  await writeFile(join(folder, CONFIG_FILE), `${JSON.stringify(json, undefined, 2)}\n`);
}

/**
 * Reads adapters that PEFT or {@link saveLora} wrote, widened to float32.
 *
 * @throws {ModelFileError} {SafetensorsError} when a file is missing or malformed.
 * @throws {ConfigError} when the adapters are of a kind that would be computed wrongly: other than LoRA, with biases, dropout
 * aside, DoRA, ranks that differ.
 * @throws {WeightsError} when a tensor is missing, left over or of another shape than the model calls for.
 */
export async function loadLora(folder: string, config: ModelConfig): Promise<LoraAdapters> {
  const file = join(folder, CONFIG_FILE);
  const lora = parseLoraConfig(await readRequiredJson(file), file);
  const weightsFile = join(folder, WEIGHTS_FILE);
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

/** The LoRA of an `adapter_config.json`. */
function parseLoraConfig(json: unknown, file: string): LoraConfig {
  const { value, refuse, count, positive, flag } = fields(json, file);
  if (value('peft_type') !== 'LORA') throw refuse('peft_type', '"LORA"');
  if ((value('bias') ?? 'none') !== 'none') throw refuse('bias', '"none"');
  for (const key of ['use_dora', 'fan_in_fan_out']) if (flag(key, false)) throw refuse(key, 'false');
  for (const key of ['rank_pattern', 'alpha_pattern', 'modules_to_save', 'layers_to_transform']) {
    if (Object.keys(value(key) ?? {}).length > 0) throw refuse(key, 'nothing');
  }
  const targets = value('target_modules');
  const areNames = Array.isArray(targets) && targets.every((name) => typeof name === 'string');
  if (!areNames && targets !== 'all-linear') throw refuse('target_modules', 'names of linear layers, or "all-linear"');
  const rank = count('r');
  const alpha = positive('lora_alpha', rank);
  return {
    rank,
    // Rank-stabilised LoRA scales by alpha / √rank.
    alpha: flag('use_rslora', false) ? alpha * Math.sqrt(rank) : alpha,
    targetModules: areNames
      ? LORA_TARGETS.filter((name) => targets.includes(name)).concat(
          targets.filter((name) => !LORA_TARGETS.includes(name)),
        )
      : LORA_TARGETS,
  };
}
