import { realpathSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ModuleRefusedError, OptionError, reasonText } from '../errors.ts';

/** Environment variable by which a process and all below it know their list. */
export const ALLOW_VARIABLE = 'FORGE_ALLOW';

/** Folders from which actor modules may be loaded: each as it was named, and where that really is. */
export function allowList(folders: readonly string[]): string[] {
  const both = folders.flatMap((folder) => {
    try {
      return [resolve(folder), realpathSync(folder)];
    } catch (cause) {
      throw new OptionError('allow', `${folder} cannot be read: ${reasonText(cause)}`, { cause });
    }
  });
  return [...new Set(both)];
}

/** Checks what can be checked elsewhere: the text of the module's URL. @throws {ModuleRefusedError} */
export function checkModuleText(module: string, folders: readonly string[], host: string): void {
  if (!folders.some((folder) => isBelow(pathOf(module, folders, host), folder))) {
    throw new ModuleRefusedError(module, host, folders);
  }
}

/** Checks the file itself, where it is loaded: links are followed. @throws {ModuleRefusedError} */
export function checkModuleFile(module: string, folders: readonly string[], host: string): void {
  let path = pathOf(module, folders, host);
  try {
    path = realpathSync(path);
  } catch {
    // What does not exist cannot be imported; where it would be is then enough.
  }
  if (!folders.some((folder) => isBelow(path, folder))) throw new ModuleRefusedError(module, host, folders);
}

/** The list of this process, if it has one. */
export function ownAllowList(): readonly string[] | undefined {
  const text = process.env[ALLOW_VARIABLE];
  // Written by the daemon of this machine.
  return text === undefined ? undefined : (JSON.parse(text) as string[]);
}

function pathOf(module: string, folders: readonly string[], host: string): string {
  try {
    const url = new URL(module);
    if (url.protocol === 'file:' && url.host === '') return fileURLToPath(url);
  } catch {
    // Neither a URL nor a path in one.
  }
  throw new ModuleRefusedError(module, host, folders);
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && resolve(folder, way) === path;
}
