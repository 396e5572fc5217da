import type { z } from 'zod';
import type { Progress } from '../display/progress.ts';
import type { LogSize, RunLog } from '../record/run-log.ts';
import type { runSettings } from '../sections/run.ts';

/** Settings that say where a run is written. */
export interface RunsSomewhere {
  readonly run: z.infer<typeof runSettings>;
}

/** What a training loop works with. */
export interface Given<Settings, Input, Checkpoint> {
  readonly config: Settings;
  readonly source: Input;
  readonly log: RunLog;
  readonly progress: Progress;
  /** Aborts when the run is to end early. */
  readonly signal: AbortSignal;
  /** Where the run goes on when it was begun before. */
  readonly resumed: Checkpoint | undefined;
}

/** What of a checkpoint everything around the loop has to know. */
export interface ResumePoint {
  /** Of the files of the run when it was made. */
  readonly log: LogSize;
  /** The folder it was read from. */
  readonly folder: string;
}

/** A training program: its settings, and its loop. */
export interface Program<Settings extends RunsSomewhere, Input, Checkpoint extends ResumePoint> {
  /** What `--help` prints before the settings. */
  readonly usage: string;
  /** The `package.json` of the program, whose dependencies' versions are recorded. */
  readonly manifest: string;
  readonly schema: z.ZodType<Settings>;
  /** A YAML file, for when `--config` names none. @default none; the defaults of the schema */
  readonly defaultConfig?: string;
  /** Keys and sections that a run which goes on cannot change. @default none */
  readonly fixed?: readonly string[];
  /** Keys that every line of `metrics.jsonl` has. @default none */
  readonly metricKeys?: readonly string[];
  /** Reads and checks what a run is given, before anything is started. `folder` is that of the run. */
  readonly prepare: (settings: Settings, folder: string) => Promise<Input>;
  /** Reads a checkpoint folder; `undefined` when it is damaged. */
  readonly readCheckpoint: (folder: string) => Promise<Checkpoint | undefined>;
  readonly train: (given: Given<Settings, Input, Checkpoint>) => Promise<void>;
  /** The line that a run ends with. */
  readonly describeEnd: (log: RunLog) => string;
}
