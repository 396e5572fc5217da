import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../errors.ts';
import type { Training } from '../training.ts';
import { loadCheckpoint, writeState } from './checkpoint.ts';
import type { FrozenState } from './frozen-state.ts';

export interface CheckpointSeriesOptions {
  /** The newest checkpoints that are kept. @default 2 */
  readonly keep?: number;
  /** Whose tokenizer is written along. @default none */
  readonly tokenizerFolder?: string;
}

const NAME = /^step-(\d{10})$/;

/** Checkpoints of one training by step, `step-0000000012`, in one folder; the oldest ones are deleted. */
export class CheckpointSeries {
  readonly #folder: string;
  readonly #keep: number;
  readonly #tokenizerFolder: string | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(folder: string, { keep = 2, tokenizerFolder }: CheckpointSeriesOptions = {}) {
    if (!Number.isSafeInteger(keep) || keep < 1) throw new RangeError(`keep is ${keep}; keep at least one checkpoint.`);
    this.#folder = folder;
    this.#keep = keep;
    this.#tokenizerFolder = tokenizerFolder;
  }

  /**
   * Writes the state of the call, after the saves before it; resolves with the folder when it is complete. The training may go
   * on meanwhile.
   *
   * @throws {CheckpointSaveError} when it cannot be written; those before it are as they were.
   */
  save(training: Training): Promise<string> {
    const state = training.freeze();
    // A save that failed has told its caller; the next one begins all the same.
    const saved = this.#last.then(() => this.#write(state)).finally(() => state[Symbol.dispose]());
    this.#last = saved.catch(() => undefined);
    return saved;
  }

  /**
   * Puts a training back to the newest checkpoint that is complete and undamaged.
   *
   * @returns its step; `undefined` when there is no checkpoint at all.
   * @throws {CheckpointError} when there are checkpoints and none can be used.
   */
  async resumeLatest(training: Training): Promise<number | undefined> {
    let failure: CheckpointError | undefined;
    for (const step of (await this.#steps()).toReversed()) {
      try {
        await loadCheckpoint(this.#path(step), training);
        return step;
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
    return undefined;
  }

  async #write(state: FrozenState): Promise<string> {
    const path = this.#path(state.progress.steps);
    await writeState(path, state, this.#tokenizerFolder);
    // Newer ones than this are of a training that went back: they would be resumed in place of it.
    const steps = await this.#steps();
    const newer = steps.filter((step) => step > state.progress.steps);
    const older = steps.filter((step) => step < state.progress.steps);
    for (const step of [...newer, ...older.slice(0, Math.max(0, older.length + 1 - this.#keep))]) {
      await rm(this.#path(step), { recursive: true, force: true });
    }
    return path;
  }

  /** Of the checkpoints in the folder, rising. */
  async #steps(): Promise<number[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names
      .flatMap((name) => NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((a, b) => a - b);
  }

  #path(step: number): string {
    return join(this.#folder, `step-${String(step).padStart(10, '0')}`);
  }
}
