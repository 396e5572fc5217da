import type { Task } from '@forge/environments';
import { findSource, scanOf } from './scan-source.ts';
import type { FileSource } from './task-source.ts';

/**
 * The tasks of a source, in the order of its files. Memory is bounded by a block of a file.
 *
 * @throws {DatasetError} and what the hub throws.
 */
export async function* readTasks(source: FileSource): AsyncGenerator<Task> {
  const scan = scanOf(await findSource(source));
  for await (const { tasks } of scan.blocks()) for (const task of tasks) if (task !== undefined) yield task;
}
