import type { Task } from '@forge/environments';
import { resolveFiles } from '../files/resolve-files.ts';
import { formWith } from '../tasks/record-forms.ts';
import { type IndexedBlock, maskOf, type TaskIndex } from '../tasks/task-index.ts';
import { TaskScan, type TaskScanOptions } from '../tasks/task-scan.ts';
import type { FileSource } from './task-source.ts';

/** A source whose files are known and, if they were named, here. */
export interface FoundSource extends FileSource {
  readonly files: readonly string[];
}

/** Finds the files of a source; downloads those of a name. @throws what {@link resolveFiles} throws */
export async function findSource(source: FileSource): Promise<FoundSource> {
  const { path, config, split, revision, hub } = source;
  const part = { ...(config !== undefined && { config }), ...(split !== undefined && { split }) };
  return {
    ...source,
    files: await resolveFiles(path, { ...hub, ...part, ...(revision !== undefined && { revision }) }),
  };
}

/** A scan of the files of a source, which reads them once. */
export function scanOf(source: FoundSource, check?: TaskScanOptions['check']): TaskScan {
  const { path, files, fields, onBroken, maxBroken } = source;
  return new TaskScan({
    name: path,
    files,
    ...(fields !== undefined && { form: formWith(fields) }),
    ...(onBroken !== undefined && { onBroken }),
    ...(maxBroken !== undefined && { maxBroken }),
    ...(check !== undefined && { check }),
  });
}

/** All tasks of a scan, in order. */
export async function collectTasks(scan: TaskScan): Promise<readonly Task[]> {
  const all: Task[] = [];
  for await (const { tasks } of scan.blocks()) for (const task of tasks) if (task !== undefined) all.push(task);
  return all;
}

/** Where the tasks of a scan stand, of those that are kept. */
export async function indexTasks(
  scan: TaskScan,
  { files, fields }: FoundSource,
  isKept: (task: Task) => boolean = () => true,
): Promise<TaskIndex> {
  const blocks: IndexedBlock[] = [];
  for await (const { file, block, tasks } of scan.blocks()) {
    const mask = maskOf(tasks.map((task) => task !== undefined && isKept(task)));
    if (mask.kept > 0) blocks.push({ file, ...block, ...mask });
  }
  return { files, form: fields ?? scan.form!.name, blocks }; // it was found, or the scan had thrown
}
