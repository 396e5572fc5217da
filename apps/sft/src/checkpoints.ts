import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type LogSize, writeCheckpoint } from '@forge/run';
import type { Parts, Run } from './parts.ts';

/** What of a run is not in the trainer's own checkpoint beside it. The data goes by the number of the step. */
export interface Checkpoint {
  /** Steps that are done. */
  readonly step: number;
  /** Of the weights that the generator has. */
  readonly version: number;
  readonly log: LogSize;
  /** The folder it was read from. */
  readonly folder: string;
}

const STATE = 'run.json';
const TRAINER = 'trainer';

/** Writes a checkpoint after a step. */
export async function saveRun({ config, log }: Run, { trainer, answering }: Parts, step: number): Promise<void> {
  const state: Omit<Checkpoint, 'folder'> = { step, version: answering?.weights.version ?? 0, log: log.size };
  await writeCheckpoint(log.folder, { steps: step, keep: config.checkpoint.keep }, async (folder) => {
    await trainer.saveCheckpoint.callOne(path.join(folder, TRAINER));
    await writeFile(path.join(folder, STATE), JSON.stringify(state), { flush: true });
  });
}

/** Puts trainer and generator back to a checkpoint. */
export async function restoreRun({ folder, version }: Checkpoint, { trainer, answering }: Parts): Promise<void> {
  await trainer.loadCheckpoint.callOne(path.join(folder, TRAINER));
  await answering?.weights.resume(version);
  // What this recorded is no part of the step that follows.
  await trainer.drainMetrics.callOne();
}

/** The state of a checkpoint folder; none when it is damaged. */
export async function readCheckpoint(folder: string): Promise<Checkpoint | undefined> {
  try {
    return { ...(JSON.parse(await readFile(path.join(folder, STATE), 'utf8')) as Omit<Checkpoint, 'folder'>), folder };
  } catch {
    return undefined;
  }
}
