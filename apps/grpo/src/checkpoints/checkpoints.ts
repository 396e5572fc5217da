import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { BufferStateDict, Group } from '@forge/data';
import { type LogSize, writeCheckpoint } from '@forge/run';
import type { RoleBaselines } from '@forge/trainer';
import type { WatchState } from '../diagnostics/condition-watch.ts';
import type { WarningsState } from '../diagnostics/warnings.ts';
import type { Pacing, PacingState } from '../pacing.ts';
import type { UnscoredCounts } from '../rewards/unscored-log.ts';
import type { CurriculumState } from '../rollouts/curriculum.ts';
import type { Run } from '../run.ts';

/** Where a run stands: so many steps of a phase are done. */
export type Place = { readonly phase: 'warmup'; readonly step: number } | GrpoPlace;

/** A place in GRPO, with what its steps go by beside the weights. */
export interface GrpoPlace {
  readonly phase: 'grpo';
  readonly step: number;
  /** Of the weights before the first of its steps. */
  readonly firstVersion: number;
  /** Weight of the KL term in the next step. */
  readonly beta: number;
  /** Name of the folder of the reference, in the run's folder. */
  readonly reference: string;
  readonly curriculum?: CurriculumState;
  /** What completions of each role earn, for `grpo.advantage=rae`. */
  readonly roleBaselines?: RoleBaselines;
  /** What its steps were watched for. */
  readonly watch?: WatchState;
}

/** What of a run is not in the trainer's own checkpoint beside it. */
export interface Checkpoint {
  readonly place: Place;
  /** Of the weights, as generators know it. */
  readonly version: number;
  readonly pacing: PacingState;
  readonly buffer: BufferStateDict<Group>;
  readonly log: LogSize;
  readonly unscored: UnscoredCounts;
  readonly warnings: WarningsState;
  /** The folder it was read from. */
  readonly folder: string;
}

type Given = Pick<Run, 'config' | 'log' | 'parts' | 'weights' | 'warnings'>;

const NOTHING_BEGUN: PacingState = { started: 0, inFlight: [], evicted: 0, done: 0 };
const STATE = 'run.bin';
const TRAINER = 'trainer';

/**
 * Checkpoints of a whole run, `checkpoints/step-0000000050`: the trainer's, and what else the next step depends on. Prompts
 * and seeds go by the numbers of groups, so they need no state of their own.
 */
export class Checkpoints {
  readonly #given: Given;
  #writing: Promise<void> = Promise.resolve();

  constructor(given: Given) {
    this.#given = given;
  }

  /** Writes a checkpoint if one is due after this step. */
  async offer(place: Place, pacing?: Pacing): Promise<void> {
    const { every } = this.#given.config.checkpoint;
    if (every > 0 && place.step % every === 0) await this.save(place, pacing);
  }

  /**
   * Begins a checkpoint, which appears whole or not at all, and drops the oldest. The state is that of the call; it is written beside
   * the steps that follow. Rejects when the one before it could not be written.
   */
  async save(place: Place, pacing?: Pacing): Promise<void> {
    const { config, log, parts, weights, warnings } = this.#given;
    if (config.checkpoint.every === 0) return;
    // In this order: a group that is added meanwhile is in flight, and in the buffer, which counts.
    const { started, inFlight, evicted, done } = pacing?.state ?? NOTHING_BEGUN;
    const { items, ...counts } = await parts.buffer.stateDict.callOne();
    const held = items.filter(({ number }) => number < started);
    const numbers = new Set(held.map(({ number }) => number));
    const state: Omit<Checkpoint, 'folder'> = {
      place,
      version: weights.version,
      pacing: { started, inFlight: inFlight.filter((number) => !numbers.has(number)), evicted, done },
      buffer: { ...counts, items: held },
      log: log.size,
      warnings: warnings.state,
      unscored: parts.unscored.state,
    };
    await this.#writing;
    // The trainer must be told before it is told of the next step; what it writes then is of now.
    const isTold = Promise.withResolvers<void>();
    const { keep } = config.checkpoint;
    this.#writing = writeCheckpoint(log.folder, { steps: log.steps(), keep }, async (folder) => {
      const saved = parts.trainer.saveCheckpoint.callOne(path.join(folder, TRAINER));
      isTold.resolve();
      await saved;
      await writeFile(path.join(folder, STATE), serialize(state), { flush: true });
    });
    this.#writing.catch(() => undefined); // told by the next, or by the end
    await Promise.race([isTold.promise, this.#writing]);
  }

  /** Waits for the checkpoint that is being written. Rejects when it cannot be. */
  async written(): Promise<void> {
    await this.#writing;
  }

  /** Puts trainer, generators and buffer back to a checkpoint. */
  async restore({ folder, version, buffer, unscored }: Checkpoint): Promise<void> {
    const { parts, weights } = this.#given;
    await parts.trainer.loadCheckpoint.callOne(path.join(folder, TRAINER));
    await weights.resume(version);
    await parts.buffer.loadStateDict.callOne(buffer);
    parts.unscored.restore(unscored);
    // What this recorded is no part of the step that follows.
    await Promise.all([parts.trainer.drainMetrics.callOne(), parts.generator.drainMetrics.fanout()]);
  }
}

/** The state of a checkpoint folder; none when it is damaged. */
export async function readCheckpoint(folder: string): Promise<Checkpoint | undefined> {
  try {
    return { ...(deserialize(await readFile(path.join(folder, STATE))) as Omit<Checkpoint, 'folder'>), folder };
  } catch {
    return undefined;
  }
}
