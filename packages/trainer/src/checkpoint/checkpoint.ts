import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  loadConfig,
  loadLora,
  loadWeights,
  parameters,
  readSafetensors,
  saveLora,
  saveModel,
  type Weights,
  writeSafetensors,
} from '@forge/models';
import { isOf, sameShape, type Tensor } from '@forge/tensor';
import { CheckpointError } from '../errors.ts';
import type { Training } from '../training.ts';
import type { TrainingProgress, TrainingSnapshot } from '../training-state.ts';
import { verifyManifest, writeManifest } from './manifest.ts';

/** Both moments in one file, the weight's name after the moment's. */
const momentsFile = 'optimizer.safetensors';
const progressFile = 'training.json';

/**
 * Writes everything that the next step depends on: a model folder with the weights in float32, adapters in PEFT's format, the
 * moments, the counts of steps, the schedule, and a manifest with checksums. The state is that of the call: the training may go
 * on while it is written. The folder appears under its name only when it is complete, and replaces one that is there.
 *
 * @param tokenizerFolder - whose tokenizer is written along. @default none
 */
export function saveCheckpoint(folder: string, training: Training, tokenizerFolder?: string): Promise<void> {
  return writeState(folder, training.snapshot(), tokenizerFolder);
}

/** Writes a state as {@link saveCheckpoint} does. */
export async function writeState(folder: string, state: TrainingSnapshot, tokenizerFolder?: string): Promise<void> {
  const { config, lora, weights, moments, progress } = state;
  const unfinished = `${folder}.partial`;
  await rm(unfinished, { recursive: true, force: true });
  const ofModel = Object.fromEntries(parameters(config).map(({ name }) => [name, weights[name]!])); // a training has all
  const tokenizer = tokenizerFolder === undefined ? {} : { tokenizerFolder };
  await saveModel(unfinished, { config, weights: ofModel, dtype: 'float32', ...tokenizer });
  if (lora !== undefined) await saveLora(unfinished, { config, lora, weights });
  const named = moments.flatMap((moment, i) =>
    Object.entries(moment).map(([name, view]) => [momentName(i, name), view]),
  );
  await writeSafetensors(join(unfinished, momentsFile), Object.fromEntries(named));
  await writeFile(join(unfinished, progressFile), `${JSON.stringify(progress, undefined, 2)}\n`, { flush: true });
  await writeManifest(unfinished);
  await rm(replacedName(folder), { recursive: true, force: true });
  await renameIfPresent(folder, replacedName(folder));
  await rename(unfinished, folder);
  await syncFolder(dirname(folder));
  await rm(replacedName(folder), { recursive: true, force: true });
}

/**
 * Puts a training back to where a checkpoint of it was written: the steps that follow are the same, bit for bit.
 *
 * @throws {CheckpointError} when the folder is not a complete checkpoint of this model, or a file of it is damaged; nothing has
 * changed then.
 */
export async function loadCheckpoint(folder: string, training: Training): Promise<void> {
  try {
    const found = (await exists(folder)) ? folder : replacedName(folder);
    await verifyManifest(found);
    const saved = await readWeights(found, training);
    const tensors = await readSafetensors(join(found, momentsFile));
    const [first] = training.moments;
    const moment = (index: number): Weights =>
      Object.fromEntries(Object.keys(first).map((name) => [name, float32(folder, tensors[momentName(index, name)])]));
    const moments = [moment(0), moment(1)] as const;
    refuseOther(folder, training.weights, saved);
    for (const each of moments) refuseOther(folder, first, each);
    const progress = parseProgress(folder, await readFile(join(found, progressFile), 'utf8'));
    training.restore({ weights: saved, moments, progress });
  } catch (cause) {
    if (cause instanceof CheckpointError && cause.folder === folder) throw cause;
    throw new CheckpointError(folder, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

async function readWeights(folder: string, { lora, config }: Training): Promise<Weights> {
  const weights = await loadWeights(folder, await loadConfig(folder));
  return lora === undefined ? weights : { ...weights, ...(await loadLora(folder, config)).weights };
}

/** Refuses tensors that are not those of a training. */
function refuseOther(folder: string, own: Weights, saved: Weights): void {
  for (const [name, { shape }] of Object.entries(own)) {
    const found = saved[name]?.shape;
    if (found !== undefined && sameShape(found, shape)) continue;
    const problem = `${name} is [${found?.join(', ') ?? ''}] where the model has [${shape.join(', ')}].`;
    throw new CheckpointError(folder, problem);
  }
}

/** Where a checkpoint is while another one takes its name; a process that ends then leaves it there. */
const replacedName = (folder: string): string => `${folder}.replaced`;

async function renameIfPresent(from: string, to: string): Promise<void> {
  if (await exists(from)) await rename(from, to);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    // Node's file system rejects with errors that carry a code.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Makes a rename last. */
async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}

const momentName = (index: number, name: string): string => `${index === 0 ? 'first' : 'second'}.${name}`;

function float32(folder: string, found: Tensor | undefined): Tensor<'float32'> {
  if (found !== undefined && isOf(found, 'float32')) return found;
  throw new CheckpointError(folder, `${momentsFile} lacks a moment of this model.`);
}

function parseProgress(folder: string, json: string): TrainingProgress {
  const { steps, phaseSteps, schedule } = JSON.parse(json);
  const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
  const isSchedule = ['constant', 'linear', 'cosine'].includes(schedule?.kind);
  if (isCount(steps) && isCount(phaseSteps) && isSchedule) return { steps, phaseSteps, schedule };
  throw new CheckpointError(folder, `${progressFile} needs steps, phaseSteps and a schedule.`);
}
