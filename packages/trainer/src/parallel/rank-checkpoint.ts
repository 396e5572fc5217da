import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type LoraConfig,
  loadLora,
  loraParameters,
  type ModelConfig,
  openSafetensors,
  parameters,
  prepareSafetensors,
  removeOtherWeights,
  type SavedModel,
  saveConfig,
  saveLora,
  type TensorRows,
  writeLoraRows,
  writeSafetensorsRows,
} from '@forge/models';
import { type DType, type Shape, sameShape, tensor } from '@forge/tensor';
import { momentName, momentsFile, readProgress, weightsFile, writeProgress } from '../checkpoint/checkpoint-files.ts';
import { verifyManifest, writeManifest } from '../checkpoint/manifest.ts';
import { beginFolder, completeFolder, findFolder, removeReplaced } from '../checkpoint/replace-folder.ts';
import { CheckpointError } from '../errors.ts';
import type { ParameterPlan } from '../parameter-groups.ts';
import type { TrainingProgress } from '../training-state.ts';
import { namedRows } from './parameter-shard.ts';
import { publishWeights } from './publish-weights.ts';
import type { RankEngine } from './rank-engine.ts';

/** A model in training, whatever ranks hold it. */
export interface TrainedModel {
  readonly config: ModelConfig;
  readonly plan: ParameterPlan;
  readonly lora: LoraConfig | undefined;
  /** Whose tokenizer is written along. */
  readonly tokenizerFolder: string;
}

interface Named {
  readonly name: string;
  readonly shape: Shape;
}

/** Tensors of a file, by their names in it. */
const laidOut = (named: readonly Named[], dtype: DType = 'float32') =>
  Object.fromEntries(named.map(({ name, shape }) => [name, { dtype, shape }]));

const momentsOf = ({ trained }: ParameterPlan): readonly Named[] =>
  [0, 1].flatMap((index) => trained.map(({ name, shape }) => ({ name: momentName(index, name), shape })));

/**
 * Makes the files of a checkpoint, for all ranks to write their rows into. They are those of a checkpoint of one process, byte
 * for byte: any number of ranks can load them.
 *
 * @returns the folder that the files are in until it is complete.
 */
export async function prepareCheckpoint(
  folder: string,
  { config, plan, lora, tokenizerFolder }: TrainedModel,
  progress: TrainingProgress,
): Promise<string> {
  const unfinished = await beginFolder(folder);
  await prepareSafetensors(join(unfinished, weightsFile), laidOut(parameters(config)));
  await prepareSafetensors(join(unfinished, momentsFile), laidOut(momentsOf(plan)));
  await saveConfig(unfinished, { config, dtype: 'float32', tokenizerFolder });
  if (lora !== undefined) {
    const zeros = loraParameters(config, lora).map(({ name, shape }) => [name, tensor('float32', shape)] as const);
    await saveLora(unfinished, { config, lora, weights: Object.fromEntries(zeros) });
  }
  await writeProgress(unfinished, progress);
  return unfinished;
}

/** Writes what a rank holds into a checkpoint that was prepared. */
export async function writeCheckpointRows(
  unfinished: string,
  { config, lora }: TrainedModel,
  engine: RankEngine,
): Promise<void> {
  const { ofModel, ofAdapters } = splitRows(engine.rows, config);
  await writeSafetensorsRows(join(unfinished, weightsFile), ofModel);
  if (lora !== undefined) await writeLoraRows(unfinished, ofAdapters);
  await writeSafetensorsRows(join(unfinished, momentsFile), momentRows(engine));
}

/** Gives a checkpoint that all ranks have written its name. */
export async function completeCheckpoint(folder: string, unfinished: string): Promise<void> {
  await writeManifest(unfinished, new Map());
  await completeFolder(folder);
  await removeReplaced(folder);
}

/**
 * Checks that a folder is a complete checkpoint of a model.
 *
 * @returns where it is, and how far its training was.
 * @throws {CheckpointError} when it is not.
 */
export async function checkCheckpoint(
  folder: string,
  { config, plan, lora }: TrainedModel,
): Promise<{ readonly found: string; readonly progress: TrainingProgress }> {
  try {
    const found = await findFolder(folder);
    await verifyManifest(found);
    const files = [
      { name: weightsFile, tensors: parameters(config) },
      { name: momentsFile, tensors: momentsOf(plan) },
    ];
    for (const { name, tensors } of files) {
      await using file = await openSafetensors(join(found, name));
      for (const each of tensors) {
        const saved = file.entries.get(each.name)?.shape;
        if (saved !== undefined && sameShape(saved, each.shape)) continue;
        const text = saved === undefined ? 'missing' : `[${saved.join(', ')}]`;
        throw new CheckpointError(folder, `${each.name} is ${text}, and [${each.shape.join(', ')}] in the model.`);
      }
    }
    if (lora !== undefined) await loadLora(found, config);
    return { found, progress: await readProgress(found) };
  } catch (cause) {
    if (cause instanceof CheckpointError && cause.folder === folder) throw cause;
    throw new CheckpointError(folder, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Reads what a rank holds from a checkpoint that was checked. */
export async function readCheckpointRows(
  found: string,
  { config, lora }: TrainedModel,
  engine: RankEngine,
): Promise<void> {
  const { ofModel, ofAdapters } = splitRows(engine.rows, config);
  await readRows(join(found, weightsFile), ofModel);
  await readRows(join(found, momentsFile), momentRows(engine));
  if (lora === undefined) return;
  const { weights } = await loadLora(found, config);
  for (const { name, firstRow, rows } of ofAdapters) {
    const { data, shape } = weights[name]!; // those of the model were compared
    const start = (firstRow * data.length) / (shape[0] ?? 1);
    rows.data.set(data.subarray(start, start + rows.data.length));
  }
}

/** Makes the files of a model folder, for all ranks to write their weights into. */
export async function prepareWeights(
  folder: string,
  { config }: TrainedModel,
  dtype = config.storedDType,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const unfinished = join(folder, `${weightsFile}.partial`);
  await prepareSafetensors(unfinished, laidOut(parameters(config), dtype));
  return unfinished;
}

/** Writes the weights that a rank answers for, adapters merged, into a file that was prepared. */
export const writeWeightRows = (unfinished: string, model: TrainedModel, engine: RankEngine): Promise<void> =>
  publishWeights(model, engine, (published) =>
    writeSafetensorsRows(
      unfinished,
      published.map(({ parameter, local, region }) => ({
        name: parameter.name,
        firstRow: region.offset[0] ?? 0,
        rows: local,
      })),
    ),
  );

/** Completes a model folder whose weights all ranks have written. */
export async function completeWeights(
  folder: string,
  { config, tokenizerFolder }: TrainedModel,
  dtype: SavedModel['dtype'],
): Promise<void> {
  await rename(join(folder, `${weightsFile}.partial`), join(folder, weightsFile));
  await removeOtherWeights(folder, [weightsFile]);
  await saveConfig(folder, { config, tokenizerFolder, ...(dtype && { dtype }) });
}

async function readRows(file: string, rows: readonly TensorRows[]): Promise<void> {
  await using opened = await openSafetensors(file);
  for (const each of rows) await opened.readRows(each);
}

const momentRows = ({ trained }: RankEngine): readonly TensorRows[] =>
  trained.moments.flatMap((moment, index) =>
    namedRows(trained.shard, moment).map((each) => ({ ...each, name: momentName(index, each.name) })),
  );

function splitRows(rows: RankEngine['rows'], config: ModelConfig) {
  const names = new Set(parameters(config).map(({ name }) => name));
  return {
    ofModel: rows.filter(({ name }) => names.has(name)),
    ofAdapters: rows.filter(({ name }) => !names.has(name)),
  };
}
