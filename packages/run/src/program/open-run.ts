import { existsSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { findResumed, newestRun, type Resumed } from '../resume/find-resumed.ts';
import { SettingsError } from '../settings/settings-error.ts';
import type { Program, ResumePoint, RunsSomewhere } from './program.ts';

/** A run that can begin: everything that it is given has been read and checked. */
export interface OpenedRun<Settings, Input, Checkpoint> {
  readonly folder: string;
  readonly settings: Settings;
  readonly input: Input;
  readonly resumed: Resumed<Checkpoint> | undefined;
}

/**
 * Finds or makes the folder of a run, the checkpoint that it goes on from, and what it is given.
 *
 * @throws {SettingsError} and what `prepare` throws, before anything is started.
 */
export async function openRun<Settings extends RunsSomewhere, Input, Checkpoint extends ResumePoint>(
  settings: Settings,
  {
    fixed = [],
    readCheckpoint,
    prepare,
  }: Pick<Program<Settings, Input, Checkpoint>, 'fixed' | 'readCheckpoint' | 'prepare'>,
): Promise<OpenedRun<Settings, Input, Checkpoint>> {
  const { run } = settings;
  const isResumed = run.resume === 'latest';
  const newest = isResumed ? await newestRun(run.folder) : undefined;
  const folder = path.join(run.folder, run.name ?? newest ?? timeStamp(new Date()));
  const resumed = isResumed ? await findResumed(folder, { settings, fixed, read: readCheckpoint }) : undefined;
  if (!isResumed && existsSync(path.join(folder, 'metrics.jsonl'))) {
    throw new SettingsError([
      `run.name: ${folder} holds a run already; choose another name, go on with it by run.resume=latest, or remove that folder.`,
    ]);
  }
  await mkdir(folder, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new SettingsError([`run.folder: ${folder} cannot be made (${cause.code}).`]);
  });
  try {
    return { settings, folder, resumed, input: await prepare(settings, folder) };
  } catch (error) {
    // Refused input leaves no empty folder behind; one that holds something stays.
    await rmdir(folder).catch(() => undefined);
    throw error;
  }
}

function timeStamp(now: Date): string {
  return now.toISOString().slice(0, 19).replaceAll(':', '-');
}
