import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import { flatSettings } from '../settings/flat-settings.ts';
import { SettingsError } from '../settings/settings-error.ts';
import { checkpointsIn } from './checkpoint-folders.ts';

/** What says nothing about the run itself. */
const FREE = ['run.resume', 'run.name', 'run.folder'];

/** The run folder that was used last, of those that have a checkpoint. */
export async function newestRun(folder: string): Promise<string | undefined> {
  const names = existsSync(folder) ? await readdir(folder) : [];
  const runs = await Promise.all(
    names.map(async (name) => {
      const [last] = (await checkpointsIn(path.join(folder, name))).slice(-1);
      return last === undefined ? [] : [{ name, time: (await stat(last)).mtimeMs }];
    }),
  );
  return runs.flat().toSorted((a, b) => b.time - a.time)[0]?.name;
}

/** The newest checkpoint of a run, and how its settings differ from those with which it goes on. */
export interface Resumed<Checkpoint> {
  readonly checkpoint: Checkpoint;
  /** `grpo.steps: 300 → 500`. */
  readonly changes: readonly string[];
}

export interface FindResumedOptions<Checkpoint> {
  /** With which the run is to go on. */
  readonly settings: object;
  /** Keys and sections that a run which goes on cannot change: its weights and data come from these. */
  readonly fixed: readonly string[];
  /** Reads a checkpoint folder; `undefined` when it is damaged. */
  readonly read: (folder: string) => Promise<Checkpoint | undefined>;
}

/**
 * The newest checkpoint of a run that is not damaged; none when it has no checkpoints.
 *
 * @throws {SettingsError} when the settings change what a run cannot change, or all checkpoints are damaged.
 */
export async function findResumed<Checkpoint>(
  folder: string,
  { settings, fixed, read }: FindResumedOptions<Checkpoint>,
): Promise<Resumed<Checkpoint> | undefined> {
  const folders = await checkpointsIn(folder);
  if (folders.length === 0) return undefined;
  const before: unknown = parse(await readFile(path.join(folder, 'config.yaml'), 'utf8'));
  const [old, now] = [flatSettings(before), flatSettings(settings)];
  const changed = [...new Set([...old.keys(), ...now.keys()])].filter(
    (key) => old.get(key) !== now.get(key) && !FREE.includes(key),
  );
  const changes = changed.map((key) => `${key}: ${old.get(key) ?? 'nothing'} → ${now.get(key) ?? 'nothing'}`);
  const refused = changes.filter((_, i) => fixed.some((each) => `${changed[i]}.`.startsWith(`${each}.`)));
  if (refused.length > 0) {
    throw new SettingsError(refused.map((change) => `${change}: ${folder} cannot go on with that. Begin another run.`));
  }
  for (const each of folders.toReversed()) {
    const checkpoint = await read(each);
    if (checkpoint !== undefined) return { checkpoint, changes };
  }
  throw new SettingsError([`run.resume: every checkpoint in ${path.dirname(folders[0]!)} is damaged.`]); // there is one
}
