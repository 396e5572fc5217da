import { readdir } from 'node:fs/promises';
import path from 'node:path';

const NAME = /^step-\d{10}$/;

/** The folder of the checkpoint of a run after so many steps of all phases. */
export const folderOf = (run: string, steps: number): string =>
  path.join(run, 'checkpoints', `step-${String(steps).padStart(10, '0')}`);

/** The checkpoints of a run that are complete, the oldest first. */
export async function checkpointsIn(run: string): Promise<readonly string[]> {
  const folder = path.join(run, 'checkpoints');
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    // What is no folder, or has none, is no run.
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
  return names
    .filter((name) => NAME.test(name))
    .toSorted()
    .map((name) => path.join(folder, name));
}
