import type { Task } from '@forge/environments';
import type { FileSource, NamedSource } from './task-source.ts';

/** Which tasks are kept from training, to be evaluated on. */
export interface HeldOutOptions {
  /** At most so many, of all sources together, by their weights. */
  readonly count: number;
  /**
   * The last of each source; or a share, by a hash of what is asked: then the same are held out when the data grows.
   * @default 'end'
   */
  readonly by?: 'end' | 'hash';
  /** Of each source, with 'hash'. @default 0.05 */
  readonly share?: number;
  /** Instead, a split of the same sources. @default none */
  readonly split?: string;
  /** Instead, files of their own. @default none */
  readonly source?: FileSource;
}

export interface PrepareTasksOptions {
  readonly sources: readonly NamedSource[];
  readonly heldOut: HeldOutOptions;
  /** Of generated tasks. @default 0 */
  readonly seed?: number;
  /** Tasks stay in their files. @default false */
  readonly streaming?: boolean;
  /** What is wrong with a task beyond the form of its record, as a sentence; called once for each. @default nothing */
  readonly check?: (task: Task, source: string) => string | undefined;
}
