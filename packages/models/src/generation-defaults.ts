import { join } from 'node:path';
import { ConfigError } from './errors.ts';
import { readJsonFile } from './json-file.ts';

/** What a model folder recommends for sampling; `undefined` where it says nothing. */
export interface GenerationDefaults {
  /** Tokens that end a completion; empty when the folder names none. */
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | undefined;
  readonly temperature: number | undefined;
  readonly topK: number | undefined;
  readonly topP: number | undefined;
  readonly minP: number | undefined;
  readonly repetitionPenalty: number | undefined;
}

/**
 * Reads `generation_config.json`; end and pad tokens that it does not name come from `config.json`, and a folder
 * without either file gives nothing.
 *
 * @throws {ConfigError} when a value is not a number (for end tokens: or a list of numbers).
 */
export async function loadGenerationDefaults(folder: string): Promise<GenerationDefaults> {
  const file = join(folder, 'generation_config.json');
  const generation = (await readJsonFile(file)) ?? {};
  const config = (await readJsonFile(join(folder, 'config.json'))) ?? {};
  const number = (key: string): number | undefined => numberAt(generation, key, file);
  return {
    eosTokenIds: tokenIds(generation['eos_token_id'] ?? config['eos_token_id'], file),
    padTokenId: number('pad_token_id') ?? numberAt(config, 'pad_token_id', join(folder, 'config.json')),
    temperature: number('temperature'),
    topK: number('top_k'),
    topP: number('top_p'),
    minP: number('min_p'),
    repetitionPenalty: number('repetition_penalty'),
  };
}

function numberAt(json: Readonly<Record<string, unknown>>, key: string, file: string): number | undefined {
  const value = json[key] ?? undefined;
  if (value === undefined || typeof value === 'number') return value;
  throw new ConfigError({ file, key, value, expected: 'a number' });
}

function tokenIds(value: unknown, file: string): readonly number[] {
  const ids: readonly unknown[] = value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
  return ids.map((id) => {
    if (typeof id === 'number' && Number.isInteger(id)) return id;
    throw new ConfigError({ file, key: 'eos_token_id', value, expected: 'a token id or a list of them' });
  });
}
