import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { parse } from 'yaml';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../errors.ts';
import { type Checkpoint, readCheckpoint } from './checkpoints.ts';
import { checkpointsIn } from './folders.ts';

/** What a run that goes on cannot change: its weights and data come from these. */
const FIXED = ['run.seed', 'model', 'dataset', 'grpo.beta', 'grpo.groupSize', 'grpo.groupsPerStep'];
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

/** The newest checkpoint of a run, and how its configuration differs from that with which it goes on. */
export interface Resumed {
  readonly checkpoint: Checkpoint;
  /** `grpo.steps: 300 → 500`. */
  readonly changes: readonly string[];
}

/**
 * The newest checkpoint of a run that is not damaged; none when it has no checkpoints.
 *
 * @throws {ConfigError} when the configuration changes what a run cannot change, or all checkpoints are damaged.
 */
export async function findResumed(folder: string, config: Config): Promise<Resumed | undefined> {
  const folders = await checkpointsIn(folder);
  if (folders.length === 0) return undefined;
  const before: unknown = parse(await readFile(path.join(folder, 'config.yaml'), 'utf8'));
  const [old, now] = [flat(before), flat(config)];
  const changed = [...new Set([...old.keys(), ...now.keys()])].filter(
    (key) => old.get(key) !== now.get(key) && !FREE.includes(key),
  );
  const changes = changed.map((key) => `${key}: ${old.get(key) ?? 'nothing'} → ${now.get(key) ?? 'nothing'}`);
  const refused = changes.filter((_, i) => FIXED.some((fixed) => `${changed[i]}.`.startsWith(`${fixed}.`)));
  if (refused.length > 0) {
    throw new ConfigError(refused.map((change) => `${change}: ${folder} cannot go on with that. Begin another run.`));
  }
  for (const each of folders.toReversed()) {
    const checkpoint = await readCheckpoint(each);
    if (checkpoint !== undefined) return { checkpoint, changes };
  }
  throw new ConfigError([`run.resume: every checkpoint in ${path.dirname(folders[0]!)} is damaged.`]); // there is one
}

/** A configuration by its dotted keys. */
function flat(value: unknown, key = ''): ReadonlyMap<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return new Map([[key, JSON.stringify(value)]]);
  return new Map(
    Object.entries(value).flatMap(([name, each]) => [...flat(each, key === '' ? name : `${key}.${name}`)]),
  );
}
