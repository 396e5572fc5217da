import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { checkpointsIn } from '../resume/checkpoint-folders.ts';
import { SettingsError } from '../settings/settings-error.ts';

/** A source, and a hash of its tasks. */
interface ReadSource {
  readonly name: string;
  readonly digest?: string;
}

/** Of a run folder: what was read of each source when the run began. */
export const DATA_FILE = 'data.json';

/** @throws {SettingsError} when a run that goes on would not read what it read when it began */
export async function checkSameData(folder: string, now: readonly ReadSource[]): Promise<void> {
  if ((await checkpointsIn(folder)).length === 0) return;
  const text = await readFile(path.join(folder, DATA_FILE), 'utf8').catch(() => '[]');
  const before = new Map((JSON.parse(text) as readonly ReadSource[]).map(({ name, digest }) => [name, digest])); // written here
  const changed = now.filter(({ name, digest }) => before.has(name) && before.get(name) !== digest);
  if (changed.length === 0) return;
  throw new SettingsError(
    changed.map(
      ({ name }) => `dataset: ${name} is not what it was when the run in ${folder} began. Begin another run.`,
    ),
  );
}
