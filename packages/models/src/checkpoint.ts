import { basename, join } from 'node:path';
import { kindOf, type Tensor, tensor } from '@forge/tensor';
import type { ModelConfig } from './config.ts';
import { isRecord } from './config-fields.ts';
import { ModelFileError, show, WeightsError } from './errors.ts';
import { readJsonFile } from './json-file.ts';
import { type LoadOptions, progressMeter } from './load-progress.ts';
import { INDEX_FILE, WEIGHTS_FILE } from './model-files.ts';
import { parameters } from './parameters.ts';
import { openSafetensors, type SafetensorsFile } from './safetensors/read.ts';
import type { TensorRows } from './safetensors/tensor-rows.ts';
import { checkWeights, type Weights } from './weights.ts';

/** Tensors of older checkpoints that are computed, not read: they may be present and are skipped. */
const COMPUTED = /^model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq$/;

/**
 * Checks that a model folder holds the weights that the config calls for, by the headers of its files: no tensor is read.
 *
 * @throws what {@link loadWeights} throws.
 */
export async function checkWeightFiles(folder: string, config: ModelConfig): Promise<void> {
  const checkpoint = await openCheckpoint(folder, config);
  await checkpoint[Symbol.asyncDispose]();
}

/**
 * Reads the weights of a model folder, widened to float32, from `model.safetensors` or the shards that
 * `model.safetensors.index.json` names.
 *
 * @throws {ModelFileError} when a file is missing or malformed.
 * @throws {SafetensorsError} when a safetensors file is.
 * @throws {WeightsError} when a tensor is missing, left over, not of floating point or of another shape than the config
 * calls for.
 */
export async function loadWeights(folder: string, config: ModelConfig, options: LoadOptions = {}): Promise<Weights> {
  const weights: Record<string, Tensor<'float32'>> = {};
  const allocated = (name: string, shape: readonly number[]): Tensor<'float32'> =>
    (weights[name] = tensor('float32', shape));
  await readWeights({ folder, config, target: allocated }, options);
  return weights;
}

/**
 * Reads the weights of a model folder as {@link loadWeights} does, into memory that is there.
 *
 * @param weights - have the names and shapes that the config calls for; nothing is written to them unless the folder has all.
 */
export async function loadWeightsInto(
  weights: Weights,
  { folder, config }: { readonly folder: string; readonly config: ModelConfig },
  options: LoadOptions = {},
): Promise<void> {
  await readWeights({ folder, config, target: (name) => weights[name]! }, options); // has them all
}

/**
 * Reads some rows of the weights of a model folder, widened to float32, into those given.
 *
 * @throws what {@link loadWeights} throws; {@link SafetensorsError} when there are no such rows.
 */
export async function loadWeightRows(
  rows: readonly TensorRows[],
  { folder, config }: { readonly folder: string; readonly config: ModelConfig },
): Promise<void> {
  await using checkpoint = await openCheckpoint(folder, config);
  for (const each of rows) {
    await checkpoint.holders.get(each.name)!.readRows(each); // it has all weights of the model
  }
}

interface Reading {
  readonly folder: string;
  readonly config: ModelConfig;
  readonly target: (name: string, shape: readonly number[]) => Tensor<'float32'>;
}

async function readWeights({ folder, config, target }: Reading, { onLoadProgress }: LoadOptions): Promise<void> {
  await using checkpoint = await openCheckpoint(folder, config);
  // Every name that the config calls for has a holder, and that an entry: it was checked.
  const found = parameters(config).map((parameter) => ({
    ...parameter,
    holder: checkpoint.holders.get(parameter.name)!,
  }));
  const bytesOfEntry = ({ name, holder }: (typeof found)[number]): number => holder.entries.get(name)!.byteLength;
  const advance = progressMeter(
    found.reduce((sum, each) => sum + bytesOfEntry(each), 0),
    onLoadProgress,
  );
  for (const each of found) {
    await each.holder.readInto(each.name, target(each.name, each.shape));
    advance(bytesOfEntry(each));
  }
}

/** The file that holds each tensor. */
type Holders = ReadonlyMap<string, SafetensorsFile>;

interface Checkpoint extends AsyncDisposable {
  readonly holders: Holders;
}

/** Opens the files of a checkpoint and checks their headers. */
async function openCheckpoint(folder: string, config: ModelConfig): Promise<Checkpoint> {
  const index = await readJsonFile(join(folder, INDEX_FILE));
  const names = index === undefined ? undefined : shardNames(index, join(folder, INDEX_FILE));
  const files = new Map<string, SafetensorsFile>();
  const close = async (): Promise<void> => {
    for (const file of files.values()) await file[Symbol.asyncDispose]();
  };
  try {
    for (const file of new Set(names?.values() ?? [WEIGHTS_FILE])) {
      files.set(file, await openSafetensors(join(folder, file)));
    }
    const inOneFile = [...files].flatMap(([file, { entries }]) =>
      [...entries.keys()].map((name) => [name, file] as const),
    );
    const located = names ?? new Map(inOneFile);
    const holders = new Map([...located].map(([name, file]) => [name, files.get(file)!])); // each file was opened above
    checkWeights(config, entriesOf(holders), { file: folder, ignored: ignoredNames(config, holders) });
    return { holders, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function shardNames(index: Readonly<Record<string, unknown>>, file: string): ReadonlyMap<string, string> {
  const map = index['weight_map'];
  const expected = 'a weight_map from names of tensors to names of files beside it';
  if (!isRecord(map)) throw new ModelFileError({ file, expected, got: show(map) });
  return new Map(
    Object.entries(map).map(([name, shard]) => {
      const isFileName = typeof shard === 'string' && shard === basename(shard) && shard.endsWith('.safetensors');
      if (!isFileName) throw new ModelFileError({ file, expected, got: show(shard) });
      return [name, shard];
    }),
  );
}

function entriesOf(holders: Holders): ReadonlyMap<string, { readonly shape: readonly number[] }> {
  return new Map(
    [...holders].map(([name, { file, entries }]) => {
      const entry = entries.get(name);
      if (entry === undefined) {
        throw new WeightsError({
          file,
          tensor: name,
          expected: `the tensor that ${INDEX_FILE} names`,
          got: 'no such tensor',
        });
      }
      if (kindOf(entry.dtype) !== 'float') {
        throw new WeightsError({ file, tensor: name, expected: 'a floating point dtype', got: entry.dtype });
      }
      return [name, entry];
    }),
  );
}

function ignoredNames(config: ModelConfig, holders: Holders): ReadonlySet<string> {
  const computed = [...holders.keys()].filter((name) => COMPUTED.test(name));
  // Some writers store the head of a tied model too; it is the embedding.
  return new Set(config.tieWordEmbeddings ? [...computed, 'lm_head.weight'] : computed);
}
