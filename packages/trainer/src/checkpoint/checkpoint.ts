import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  loadLora,
  openSafetensors,
  parameters,
  type SafetensorsFile,
  saveConfig,
  saveLora,
  type WrittenFile,
  writeSafetensors,
} from '@forge/models';
import { type Shape, sameShape, type Tensor } from '@forge/tensor';
import { CheckpointError, CheckpointSaveError } from '../errors.ts';
import type { Training } from '../training.ts';
import type { TrainingProgress } from '../training-state.ts';
import type { FrozenState } from './frozen-state.ts';
import { verifyManifest, writeManifest } from './manifest.ts';

const weightsFile = 'model.safetensors';
/** Both moments in one file, the weight's name after the moment's. */
const momentsFile = 'optimizer.safetensors';
const progressFile = 'training.json';

/**
 * Writes everything that the next step depends on: a model folder with the weights in float32, adapters in PEFT's format, the
 * moments, the counts of steps, the schedule, and a manifest with checksums. The state is that of the call: the training may go
 * on while it is written. The folder appears under its name only when it is complete, and replaces one that is there.
 *
 * @param tokenizerFolder - whose tokenizer is written along. @default none
 * @throws {CheckpointSaveError} when it cannot be written; nothing of it is left then.
 */
export async function saveCheckpoint(folder: string, training: Training, tokenizerFolder?: string): Promise<void> {
  using state = training.freeze();
  await writeState(folder, state, tokenizerFolder);
}

/** Writes a state as {@link saveCheckpoint} does. */
export async function writeState(folder: string, state: FrozenState, tokenizerFolder?: string): Promise<void> {
  const unfinished = `${folder}.partial`;
  const replaced = replacedName(folder);
  try {
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    await writeFiles(unfinished, state, tokenizerFolder);
    await rm(replaced, { recursive: true, force: true });
    await renameIfPresent(folder, replaced);
    await rename(unfinished, folder);
    await syncFolder(dirname(folder));
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!(await exists(folder))) await renameIfPresent(replaced, folder);
    throw new CheckpointSaveError(folder, error);
  }
  await rm(replaced, { recursive: true, force: true });
}

async function writeFiles(folder: string, state: FrozenState, tokenizerFolder: string | undefined): Promise<void> {
  const { config, lora, weights, moments, progress } = state;
  const written = new Map<string, WrittenFile>();
  const ofModel = Object.fromEntries(parameters(config).map(({ name }) => [name, weights[name]!])); // a training has all
  written.set(weightsFile, await writeSafetensors(join(folder, weightsFile), ofModel));
  await saveConfig(folder, { config, dtype: 'float32', ...(tokenizerFolder !== undefined && { tokenizerFolder }) });
  if (lora !== undefined) await saveLora(folder, { config, lora, weights });
  const named = moments.flatMap((moment, i) =>
    Object.entries(moment).map(([name, pieces]) => [momentName(i, name), pieces] as const),
  );
  written.set(momentsFile, await writeSafetensors(join(folder, momentsFile), Object.fromEntries(named)));
  await writeFile(join(folder, progressFile), `${JSON.stringify(progress, undefined, 2)}\n`, { flush: true });
  await writeManifest(folder, written);
}

/**
 * Puts a training back to where a checkpoint of it was written: the steps that follow are the same, bit for bit.
 *
 * @throws {CheckpointError} when the folder is not a complete checkpoint of this model, or a file of it is damaged; nothing has
 * changed then, unless the disk fails between the check of a file and its reading, which the error says.
 */
export async function loadCheckpoint(folder: string, training: Training): Promise<void> {
  let isChanging = false;
  try {
    const found = (await exists(folder)) ? folder : replacedName(folder);
    await verifyManifest(found);
    const progress = parseProgress(folder, await readFile(join(found, progressFile), 'utf8'));
    await using weights = await openSafetensors(join(found, weightsFile));
    await using moments = await openSafetensors(join(found, momentsFile));
    const { config, lora } = training;
    const adapters = lora === undefined ? {} : (await loadLora(found, config)).weights;
    const places: readonly Place[] = [
      ...parameters(config).map(({ name }) => ({ file: weights, name, target: training.weights[name]! })), // it has all
      ...training.moments.flatMap((moment, i) =>
        Object.entries(moment).map(([name, target]) => ({ file: moments, name: momentName(i, name), target })),
      ),
    ];
    for (const { file, name, target } of places) refuseOther(folder, name, { found: file.entries.get(name), target });
    for (const [name, found] of Object.entries(adapters))
      refuseOther(folder, name, { found, target: training.weights[name] });
    await training.resume(progress, async () => {
      isChanging = true;
      for (const { file, name, target } of places) await file.readInto(name, target);
      for (const [name, { data }] of Object.entries(adapters)) training.weights[name]!.data.set(data); // compared above
    });
  } catch (cause) {
    if (cause instanceof CheckpointError && cause.folder === folder) throw cause;
    const problem = cause instanceof Error ? cause.message : String(cause);
    const outcome = isChanging ? ' Some of it was read: load another checkpoint before the next step.' : '';
    throw new CheckpointError(folder, problem + outcome, { cause });
  }
}

/** A tensor of a file, and where it is to be read to. */
interface Place {
  readonly file: SafetensorsFile;
  readonly name: string;
  readonly target: Tensor<'float32'>;
}

interface Shaped {
  readonly shape: Shape;
}

/** Refuses a tensor that is not the one of a training. */
function refuseOther(
  folder: string,
  name: string,
  { found, target }: { readonly found: Shaped | undefined; readonly target: Shaped | undefined },
): void {
  if (found !== undefined && target !== undefined && sameShape(found.shape, target.shape)) return;
  const [saved, own] = [found, target].map((each) => (each === undefined ? 'missing' : `[${each.shape.join(', ')}]`));
  throw new CheckpointError(folder, `${name} is ${saved}, and ${own} in the model.`);
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

function parseProgress(folder: string, json: string): TrainingProgress {
  const { steps, phaseSteps, schedule } = JSON.parse(json);
  const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
  const isSchedule = ['constant', 'linear', 'cosine'].includes(schedule?.kind);
  if (isCount(steps) && isCount(phaseSteps) && isSchedule) return { steps, phaseSteps, schedule };
  throw new CheckpointError(folder, `${progressFile} needs steps, phaseSteps and a schedule.`);
}
