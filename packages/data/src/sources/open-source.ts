import { taskSets } from '@forge/environments';
import { SourceError } from '../errors.ts';
import { type ServedTasks, servedFromFiles, servedFromMemory } from '../order/served-tasks.ts';
import { collectTasks, findSource, indexTasks, scanOf } from './scan-source.ts';
import { checkSeekable } from './streaming.ts';
import type { GeneratedSource, TaskSource } from './task-source.ts';

/** How samples are ordered, and where the tasks are kept. */
export interface SourceOrder {
  /** @default 0 */
  readonly seed?: number;
  /** Every epoch in an order of its own; else all in that of the file. @default true */
  readonly shuffle?: boolean;
  /** Tasks stay in their files, for those that do not fit into memory. @default false */
  readonly streaming?: boolean;
  /** Tasks that are shuffled with one another when they stay in their files. @default 10,000 */
  readonly bufferSize?: number;
}

/**
 * Opens a source: reads its files once, into memory or, `streaming`, into an index of them.
 *
 * @param key - tells the order of this source from that of others with the same seed.
 * @throws {DatasetError} {SourceError} and what the hub throws.
 */
export async function openSource(
  source: TaskSource,
  { seed = 0, shuffle = true, streaming = false, bufferSize = 10_000 }: SourceOrder,
  key: string | undefined,
): Promise<ServedTasks> {
  const order = { seed: key === undefined ? seed : `${seed} ${key}`, shuffle, bufferSize };
  if ('task' in source) return servedFromSet(source, seed);
  if ('index' in source) return servedFromFiles(source.index, order);
  if ('tasks' in source) return servedFromMemory(source.tasks, order);
  const found = await findSource(source);
  const scan = scanOf(found);
  if (!streaming) return servedFromMemory(await collectTasks(scan), order);
  checkSeekable(found);
  return servedFromFiles(await indexTasks(scan, found), order);
}

/** The set of generated tasks that a source names. @throws {SourceError} when there is none, or not with these options */
export function taskSetOf({ task, options }: GeneratedSource) {
  const set = Object.hasOwn(taskSets, task) ? taskSets[task] : undefined;
  if (set === undefined)
    throw new SourceError(task, `no set of tasks has that name. There are ${Object.keys(taskSets).join(', ')}.`);
  return options === undefined ? set : set.withOptions(options);
}

function servedFromSet(source: GeneratedSource, seed: number): ServedTasks {
  const set = taskSetOf(source);
  return { size: undefined, at: (number) => ({ task: set.task(number, { seed, split: 'train' }), epoch: 0 }) };
}
