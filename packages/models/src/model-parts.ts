import { HubNotFoundError } from '@forge/hub';
import {
  ADAPTER_CONFIG_FILE,
  ADAPTER_WEIGHTS_FILE,
  COMPANION_FILES,
  CONFIG_FILE,
  INDEX_FILE,
  SHARD_FILE,
  TOKENIZER_FILE,
  WEIGHTS_FILE,
} from './model-files.ts';

/** What is wanted: all of a model, its `tokenizer` or `config` without the weights, or PEFT's `adapters`. */
export type ModelPart = 'model' | 'tokenizer' | 'config' | 'adapters';

interface Part {
  readonly required: readonly string[];
  readonly optional: readonly string[];
  readonly hasWeights: boolean;
}

const PARTS: Readonly<Record<ModelPart, Part>> = {
  model: { required: [CONFIG_FILE, TOKENIZER_FILE], optional: COMPANION_FILES, hasWeights: true },
  tokenizer: { required: [TOKENIZER_FILE], optional: [CONFIG_FILE, ...COMPANION_FILES], hasWeights: false },
  config: { required: [CONFIG_FILE], optional: [], hasWeights: false },
  adapters: { required: [ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE], optional: [], hasWeights: false },
};

/** Files of a repository that make up a part, in its order. @throws {HubNotFoundError} when one that it needs is not there */
export function filesOfPart(part: ModelPart, available: readonly string[], model: string): readonly string[] {
  const { required, optional } = PARTS[part];
  const missing = missingFile(part, available);
  if (missing !== undefined) throw new HubNotFoundError({ repository: model, what: `has no ${missing}` });
  const isWanted = (name: string): boolean => required.includes(name) || optional.includes(name);
  return available.filter((name) => isWanted(name) || weightFiles(part, available).includes(name));
}

/** The first file that a part needs and that is not among `available`; `undefined` when it is whole. */
export function missingFile(part: ModelPart, available: readonly string[]): string | undefined {
  const { required, hasWeights } = PARTS[part];
  const missing = required.find((name) => !available.includes(name));
  if (missing !== undefined || !hasWeights) return missing;
  if (!available.includes(INDEX_FILE)) return available.includes(WEIGHTS_FILE) ? undefined : WEIGHTS_FILE;
  const shards = weightFiles(part, available).filter((name) => name !== INDEX_FILE);
  const count = Number(SHARD_FILE.exec(shards[0] ?? '')?.[2] ?? 1);
  return shards.length >= count ? undefined : `${count - shards.length} of the ${count} shards of ${INDEX_FILE}`;
}

/** The index and its shards, or the one file: the same choice that reading them makes. */
function weightFiles(part: ModelPart, available: readonly string[]): readonly string[] {
  if (!PARTS[part].hasWeights) return [];
  if (!available.includes(INDEX_FILE)) return [WEIGHTS_FILE];
  return available.filter((name) => name === INDEX_FILE || SHARD_FILE.test(name));
}
