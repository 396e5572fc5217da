import type { Task, TaskOptions } from '@forge/environments';
import type { HubOptions } from '@forge/hub';
import type { PartOfDataset } from '../files/choose-files.ts';
import type { TaskFields } from '../tasks/task-fields.ts';
import type { TaskIndex } from '../tasks/task-index.ts';
import type { OnBroken } from '../tasks/task-scan.ts';

/** Records of files, on this machine or on the Hugging Face hub. */
export interface FileSource extends PartOfDataset {
  /** A file, a folder, or a name on the hub such as `openai/gsm8k`. */
  readonly path: string;
  /** Of a name on the hub: a branch, a tag or a commit. @default 'main' */
  readonly revision?: string;
  /** Which fields of a record make a task. @default those of the known form that most of the first records have */
  readonly fields?: TaskFields;
  /** @default 'stop' */
  readonly onBroken?: OnBroken;
  /** The share of broken records at which they are no longer skipped. @default 0.1 */
  readonly maxBroken?: number;
  /** Where the hub and its cache are, for tests and mirrors. @default as the environment says */
  readonly hub?: Pick<HubOptions, 'cacheFolder' | 'endpoint' | 'offline' | 'onProgress' | 'retries' | 'token'>;
}

/** Tasks that are made when they are asked for, by the name of their set in `@forge/environments`. */
export interface GeneratedSource {
  readonly task: string;
  /** How hard they are. @default the set's own */
  readonly options?: TaskOptions;
}

/** Files that were read once, and are read again piece by piece. */
export interface IndexedSource {
  readonly index: TaskIndex;
}

/** Tasks as they are. */
export interface MemorySource {
  readonly tasks: readonly Task[];
}

/** A source beside others. */
interface Part {
  /** Told apart by it in metrics. @default the path, the name of the set, or `tasks` */
  readonly name?: string;
  /** Its share of the samples, beside the other weights. @default 1 */
  readonly weight?: number;
}

/** Where tasks come from, and how many of a mixture. */
export type TaskSource = (FileSource | GeneratedSource | IndexedSource | MemorySource) & Part;

/** Of these, one as a person names it. */
export type NamedSource = (FileSource | GeneratedSource) & Part;

/** What a source is called. */
export function nameOf(source: TaskSource): string {
  if (source.name !== undefined) return source.name;
  if ('path' in source) return source.path;
  return 'task' in source ? source.task : 'tasks';
}
