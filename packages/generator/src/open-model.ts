import { basename, resolve } from 'node:path';
import { type HubOptions, loadModel, type ModelConfig, type Tokenizer } from '@forge/models';
import { Engine } from './engine/engine.ts';
import type { EngineOptions } from './engine/engine-options.ts';
import { Runner } from './runner/runner.ts';
import type { RunnerOptions } from './runner/runner-options.ts';

/** A model with its engine in this process. Disposing of it stops the engine. */
export interface OpenedModel extends AsyncDisposable {
  /** The last part of the folder's path, or of the name on the hub. */
  readonly name: string;
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  readonly engine: Engine;
}

/** Limits of the engine, and how the model runs. */
export type ModelOptions = Pick<EngineOptions, 'maxSequences' | 'maxPrefillTokens' | 'maxModelLength' | 'seed'> &
  RunnerOptions;

/** Loads a Hugging Face folder, or a model by its name on the hub, and opens an engine on it, with these weights as version 0. */
export async function openModel(
  model: string,
  options: ModelOptions & Pick<HubOptions, 'onProgress'> = {},
): Promise<OpenedModel> {
  const { config, weights, tokenizer } = await loadModel(model, options);
  const runner = await Runner.open(config, weights, options);
  try {
    const decode = (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecialTokens: true });
    const engine = new Engine({ ...options, runner, decode, endTokenIds: tokenizer.eosTokenIds });
    const name = basename(resolve(model));
    return { name, config, tokenizer, engine, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
  } catch (error) {
    await runner[Symbol.asyncDispose]();
    throw error;
  }
}
