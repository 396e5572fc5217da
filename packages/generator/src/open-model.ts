import { basename, resolve } from 'node:path';
import type { HubOptions } from '@forge/hub';
import {
  initializeLora,
  type LoraConfig,
  loadLora,
  loadModel,
  type ModelConfig,
  resolveModel,
  type Tokenizer,
  type Weights,
} from '@forge/models';
import { Constraints } from './constraint/constraints.ts';
import { Engine } from './engine/engine.ts';
import type { EngineOptions } from './engine/engine-options.ts';
import { type LentAdapters, lendOwnWeights } from './runner/lent-weights.ts';
import { Runner } from './runner/runner.ts';
import type { RunnerOptions } from './runner/runner-options.ts';

/** A model with its engine in this process. Disposing of it stops the engine. */
export interface OpenedModel extends AsyncDisposable {
  /** The last part of the folder's path, or of the name on the hub. */
  readonly name: string;
  readonly folder: string;
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  readonly engine: Engine;
}

/** Limits of the engine, and how the model runs. */
export interface ModelOptions
  extends Pick<EngineOptions, 'maxSequences' | 'maxPrefillTokens' | 'maxModelLength' | 'seed'>,
    RunnerOptions {
  /**
   * LoRA adapters of the weights: a folder in PEFT's format, or what those will be that are to come as versions, which makes
   * the first of them as quick to take as the others. @default none
   */
  readonly lora?: string | LoraConfig;
}

/** Loads a Hugging Face folder, or a model by its name on the hub, and opens an engine on it, with these weights as version 0. */
export async function openModel(
  model: string,
  options: ModelOptions & Pick<HubOptions, 'onProgress'> = {},
): Promise<OpenedModel> {
  const { lora, onProgress, ...limits } = options;
  const folder = await resolveModel(model, onProgress ? { onProgress } : {});
  const { config, weights, tokenizer } = await loadModel(folder);
  const runner = await Runner.open(
    config,
    lora ? await adapted({ folder, config, weights }, lora) : lendOwnWeights(weights),
    limits,
  );
  try {
    const decode = (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecialTokens: true });
    const constraints = await Constraints.open(tokenizer, config.vocabSize);
    const engine = new Engine({ ...limits, runner, decode, constraints, endTokenIds: tokenizer.eosTokenIds });
    const name = basename(resolve(model));
    return { name, folder, config, tokenizer, engine, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
  } catch (error) {
    await runner[Symbol.asyncDispose]();
    throw error;
  }
}

interface LoadedFolder {
  readonly folder: string;
  readonly config: ModelConfig;
  readonly weights: Weights;
}

async function adapted({ folder, config, weights }: LoadedFolder, lora: string | LoraConfig): Promise<LentAdapters> {
  const adapters =
    typeof lora === 'string' ? await loadLora(lora, config) : { lora, weights: initializeLora(config, lora, 0) };
  return { adapters, baseName: folder, base: async () => lendOwnWeights(weights), [Symbol.dispose]() {} };
}
