import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesPerElement, type DType, elementCount } from '@forge/tensor';
import { INDEX_FILE, SHARD_FILE, WEIGHTS_FILE } from './model-files.ts';
import { writeSafetensors } from './safetensors/write.ts';
import type { Weights } from './weights.ts';
import { writeJson } from './write-json.ts';

/** How weights are stored. */
export interface SaveWeightsOptions {
  readonly dtype: DType;
  /** Weights beyond it go into several files. @default 50 GB, as transformers does */
  readonly maxShardBytes?: number;
}

/**
 * Writes weights as `model.safetensors`, or as shards with their index, and removes what files of an earlier checkpoint would
 * be read in their place.
 */
export async function saveWeights(folder: string, weights: Weights, options: SaveWeightsOptions): Promise<void> {
  const { dtype, maxShardBytes = 50e9 } = options;
  const bytesOf = (name: string): number => elementCount(weights[name]!.shape) * bytesPerElement(dtype);
  const shards = splitByBytes(Object.keys(weights), bytesOf, maxShardBytes);
  const files = shards.map((_, i) => (shards.length === 1 ? WEIGHTS_FILE : shardName(i + 1, shards.length)));
  for (const [i, names] of shards.entries()) {
    const tensors = Object.fromEntries(names.map((name) => [name, weights[name]!]));
    await writeSafetensors(join(folder, files[i]!), tensors, { dtype });
  }
  if (shards.length > 1)
    await writeIndex(folder, {
      shards,
      files,
      weights,
      totalBytes: Object.keys(weights).reduce((sum, name) => sum + bytesOf(name), 0),
    });
  await removeOtherWeights(folder, files);
}

/** Removes the files of weights that would be read in place of these, or beside them. */
export async function removeOtherWeights(folder: string, files: readonly string[]): Promise<void> {
  if (files.includes(WEIGHTS_FILE)) await rm(join(folder, INDEX_FILE), { force: true });
  const others = (await readdir(folder)).filter(
    (name) => (name === WEIGHTS_FILE || SHARD_FILE.test(name)) && !files.includes(name),
  );
  for (const name of others) await rm(join(folder, name));
}

/**
 * Cuts a list, in its order, into parts of at most `maxBytes`; what is larger is a part of its own.
 *
 * Source: huggingface_hub `split_state_dict_into_shards_factory`, by which transformers saves.
 */
function splitByBytes(
  names: readonly string[],
  bytesOf: (name: string) => number,
  maxBytes: number,
): readonly (readonly string[])[] {
  const parts: string[][] = [];
  let current: string[] = [];
  let currentBytes = 0;
  for (const name of names) {
    const bytes = bytesOf(name);
    if (bytes > maxBytes) {
      parts.push([name]);
      continue;
    }
    if (currentBytes + bytes > maxBytes) {
      parts.push(current);
      [current, currentBytes] = [[], 0];
    }
    current.push(name);
    currentBytes += bytes;
  }
  return current.length > 0 ? [...parts, current] : parts;
}

function shardName(number: number, count: number): string {
  const five = (value: number): string => `${value}`.padStart(5, '0');
  return `model-${five(number)}-of-${five(count)}.safetensors`;
}

interface Index {
  readonly shards: readonly (readonly string[])[];
  readonly files: readonly string[];
  readonly weights: Weights;
  readonly totalBytes: number;
}

async function writeIndex(folder: string, { shards, files, weights, totalBytes }: Index): Promise<void> {
  const located = shards.flatMap((names, i) => names.map((name) => [name, files[i]!] as const));
  const json = {
    metadata: {
      total_parameters: Object.values(weights).reduce((sum, { shape }) => sum + elementCount(shape), 0),
      total_size: totalBytes,
    },
    weight_map: Object.fromEntries(located.toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
  await writeJson(join(folder, INDEX_FILE), json);
}
