import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CheckpointSaveError } from '../errors.ts';

/**
 * Writes a folder that appears under its name only when it is complete, and replaces one that is there.
 *
 * @param write - gets the folder that is to be filled.
 * @throws {CheckpointSaveError} when it cannot be written; nothing of it is left then.
 */
export async function replaceFolder(folder: string, write: (unfinished: string) => Promise<void>): Promise<void> {
  try {
    await write(await beginFolder(folder));
    await completeFolder(folder);
  } catch (error) {
    await abandonFolder(folder);
    throw new CheckpointSaveError(folder, error);
  }
  await removeReplaced(folder);
}

/** Makes the folder that is to be filled. */
export async function beginFolder(folder: string): Promise<string> {
  const unfinished = unfinishedName(folder);
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  return unfinished;
}

/** Gives the folder that was filled its name. */
export async function completeFolder(folder: string): Promise<void> {
  const replaced = replacedName(folder);
  await rm(replaced, { recursive: true, force: true });
  await renameIfPresent(folder, replaced);
  await rename(unfinishedName(folder), folder);
  await syncFolder(dirname(folder));
}

/** Removes what a folder that is complete has replaced. */
export const removeReplaced = (folder: string): Promise<void> =>
  rm(replacedName(folder), { recursive: true, force: true });

/** Removes what was filled of a folder; what it was to replace is there again. Never rejects: why it was given up is told. */
export async function abandonFolder(folder: string): Promise<void> {
  try {
    await rm(unfinishedName(folder), { recursive: true, force: true });
    if (!(await exists(folder))) await renameIfPresent(replacedName(folder), folder);
  } catch {
    // The disk that could not be written to may refuse this, too; the next attempt begins by removing what is left.
  }
}

/** Where a folder is that was replaced, or was about to be when a process ended. */
export const findFolder = async (folder: string): Promise<string> =>
  (await exists(folder)) ? folder : replacedName(folder);

const unfinishedName = (folder: string): string => `${folder}.partial`;

/** Where a folder is while another one takes its name; a process that ends then leaves it there. */
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
