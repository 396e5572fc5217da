import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../errors.ts';
import type { TrainingProgress } from '../training-state.ts';

/** The weights of the model, without adapters. */
export const weightsFile = 'model.safetensors';

/** Both moments in one file, by {@link momentName}. */
export const momentsFile = 'optimizer.safetensors';

const progressFile = 'training.json';

/** The weight's name after the moment's: 0 is the mean of gradients, 1 that of their squares. */
export const momentName = (index: number, name: string): string => `${index === 0 ? 'first' : 'second'}.${name}`;

/** Writes how far the training of a checkpoint is. */
export const writeProgress = (folder: string, progress: TrainingProgress): Promise<void> =>
  writeFile(join(folder, progressFile), `${JSON.stringify(progress, undefined, 2)}\n`, { flush: true });

/** How far the training of a checkpoint is. @throws {CheckpointError} when the file does not say so */
export async function readProgress(folder: string): Promise<TrainingProgress> {
  const { steps, phaseSteps, schedule } = JSON.parse(await readFile(join(folder, progressFile), 'utf8'));
  const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
  const isSchedule = ['constant', 'linear', 'cosine'].includes(schedule?.kind);
  if (isCount(steps) && isCount(phaseSteps) && isSchedule) return { steps, phaseSteps, schedule };
  throw new CheckpointError(folder, `${progressFile} needs steps, phaseSteps and a schedule.`);
}
