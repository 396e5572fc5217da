import type { Evaluation, Progress, RunLog, Source, WeightSync } from '@forge/run';
import type { BestWeights } from './checkpoints/best-weights.ts';
import type { Checkpoints } from './checkpoints/checkpoints.ts';
import type { Config } from './config/config.ts';
import type { ProcessLog } from './diagnostics/process-log.ts';
import type { Warnings } from './diagnostics/warnings.ts';
import type { Parts } from './parts.ts';

/** What the phases of a run work with. */
export interface Run {
  readonly config: Config;
  readonly source: Source;
  readonly parts: Parts;
  readonly weights: WeightSync;
  readonly checkpoints: Checkpoints;
  readonly best: BestWeights;
  readonly log: RunLog;
  readonly progress: Progress;
  readonly warnings: Warnings;
  readonly processes: ProcessLog;
  /** Aborts when the run is to end early. */
  readonly signal: AbortSignal;
  /** Waits for what may rightly take long, and tells of processes that give no sign of life meanwhile. */
  readonly watched: <T>(what: string, awaited: Promise<T>) => Promise<T>;
  /** Judges answers to the held-out problems under the current weights: the greedy ones, and sampled ones unless only those are wanted. */
  readonly evaluate: (answers?: 'greedy') => Promise<Evaluation>;
}
