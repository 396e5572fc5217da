import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig, loadWeights, readSafetensors, saveModel, type Weights, writeSafetensors } from '@forge/models';
import { isOf, sameShape, type Tensor } from '@forge/tensor';
import { CheckpointError } from './errors.ts';
import type { Training } from './training.ts';
import type { TrainingProgress } from './training-state.ts';

/** Both moments in one file, the weight's name after the moment's. */
const momentsFile = 'optimizer.safetensors';
const progressFile = 'training.json';

/**
 * Writes everything that the next step depends on: a model folder with the weights in float32, the moments, the counts of
 * steps and the schedule. The folder appears under its name only when it is complete, and replaces one that is there.
 *
 * @param tokenizerFolder - whose tokenizer is written along. @default none
 */
export async function saveCheckpoint(folder: string, training: Training, tokenizerFolder?: string): Promise<void> {
  const { config, weights, moments, progress } = training;
  const unfinished = `${folder}.partial`;
  await rm(unfinished, { recursive: true, force: true });
  const tokenizer = tokenizerFolder === undefined ? {} : { tokenizerFolder };
  await saveModel(unfinished, { config, weights, dtype: 'float32', ...tokenizer });
  const named = moments.flatMap((moment, i) =>
    Object.entries(moment).map(([name, view]) => [momentName(i, name), view]),
  );
  await writeSafetensors(join(unfinished, momentsFile), Object.fromEntries(named));
  await writeFile(join(unfinished, progressFile), `${JSON.stringify(progress, undefined, 2)}\n`);
  const replaced = `${folder}.replaced`;
  await rm(replaced, { recursive: true, force: true });
  await renameIfPresent(folder, replaced);
  await rename(unfinished, folder);
  await rm(replaced, { recursive: true, force: true });
}

/**
 * Puts a training back to where a checkpoint of it was written: the steps that follow are the same, bit for bit.
 *
 * @throws {CheckpointError} when the folder is not a complete checkpoint of this model; nothing has changed then.
 */
export async function loadCheckpoint(folder: string, training: Training): Promise<void> {
  try {
    const { weights } = training;
    const saved = await loadWeights(folder, await loadConfig(folder));
    const tensors = await readSafetensors(join(folder, momentsFile));
    const moment = (index: number): Weights =>
      Object.fromEntries(Object.keys(weights).map((name) => [name, float32(folder, tensors[momentName(index, name)])]));
    const moments = [moment(0), moment(1)] as const;
    for (const [name, { shape }] of Object.entries(weights)) {
      for (const set of [saved, ...moments]) {
        const found = set[name]?.shape ?? [];
        if (set[name] === undefined || !sameShape(found, shape)) {
          throw new CheckpointError(
            folder,
            `${name} is [${found.join(', ')}] where the model has [${shape.join(', ')}].`,
          );
        }
      }
    }
    const progress = parseProgress(folder, await readFile(join(folder, progressFile), 'utf8'));
    training.restore({ weights: saved, moments, progress });
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    throw new CheckpointError(folder, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

async function renameIfPresent(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    // Node's file system rejects with errors that carry a code.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
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
