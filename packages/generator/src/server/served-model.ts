import { loadModel, type Tokenizer } from '@forge/models';
import { Engine } from '../engine/engine.ts';
import type { EngineOptions } from '../engine/engine-options.ts';
import { Runner } from '../runner/runner.ts';
import type { RunnerOptions } from '../runner/runner-options.ts';

/** A model that answers requests in this process. Disposing of it stops the engine. */
export interface ServedModel extends AsyncDisposable {
  /** What requests call it. */
  readonly name: string;
  readonly engine: Engine;
  readonly tokenizer: Tokenizer;
}

/** Limits and options of a served model. */
export type ServedModelOptions = Pick<EngineOptions, 'maxSequences' | 'maxPrefillTokens' | 'maxModelLength' | 'seed'> &
  Pick<RunnerOptions, 'threads' | 'kvCacheBytes' | 'quantization'>;

/** Loads a Hugging Face folder and opens an engine on it. */
export async function openModel(folder: string, name: string, options: ServedModelOptions = {}): Promise<ServedModel> {
  const { config, weights, tokenizer } = await loadModel(folder);
  const runner = await Runner.open(config, weights, options);
  try {
    const decode = (ids: readonly number[]) => tokenizer.decode(ids, { skipSpecialTokens: true });
    const engine = new Engine({ ...options, runner, decode, endTokenIds: tokenizer.eosTokenIds });
    return { name, engine, tokenizer, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
  } catch (error) {
    await runner[Symbol.asyncDispose]();
    throw error;
  }
}
