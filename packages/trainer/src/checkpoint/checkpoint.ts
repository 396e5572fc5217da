import { join } from 'node:path';
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
import { CheckpointError } from '../errors.ts';
import type { Training } from '../training.ts';
import { momentName, momentsFile, readProgress, weightsFile, writeProgress } from './checkpoint-files.ts';
import type { FrozenState } from './frozen-state.ts';
import { verifyManifest, writeManifest } from './manifest.ts';
import { findFolder, replaceFolder } from './replace-folder.ts';

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
  await replaceFolder(folder, (unfinished) => writeFiles(unfinished, state, tokenizerFolder));
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
  await writeProgress(folder, progress);
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
    const found = await findFolder(folder);
    await verifyManifest(found);
    const progress = await readProgress(found);
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
