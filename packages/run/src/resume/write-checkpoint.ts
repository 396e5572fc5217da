import { mkdir, rename, rm } from 'node:fs/promises';
import { checkpointsIn, folderOf } from './checkpoint-folders.ts';

export interface WriteCheckpointOptions {
  /** Of all phases, that are done. */
  readonly steps: number;
  /** The newest checkpoints of the run that stay. */
  readonly keep: number;
}

/**
 * Makes a checkpoint of a run, whole or not at all, and drops the oldest.
 *
 * @param write - fills the folder that it is given; under its name it appears only once this has ended.
 */
export async function writeCheckpoint(
  run: string,
  { steps, keep }: WriteCheckpointOptions,
  write: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = folderOf(run, steps);
  const unfinished = `${folder}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  await write(unfinished);
  await rm(folder, { recursive: true, force: true });
  await rename(unfinished, folder);
  const all = await checkpointsIn(run);
  for (const old of all.slice(0, -keep)) await rm(old, { recursive: true, force: true });
}
