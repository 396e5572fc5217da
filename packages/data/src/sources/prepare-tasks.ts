import type { Task } from '@forge/environments';
import { taskSetOf } from './open-source.ts';
import { load, type PreparedSource, prepareFiles } from './prepare-files.ts';
import type { PrepareTasksOptions } from './prepare-options.ts';
import type { SourceReport } from './source-report.ts';
import { type FileSource, type GeneratedSource, type NamedSource, nameOf, type TaskSource } from './task-source.ts';

export interface PreparedTasks {
  /** What to train on: tasks, where they stand, or how they are made. A data set opens them without reading anything again. */
  readonly sources: readonly Exclude<TaskSource, FileSource>[];
  /** Of all sources in turn, by their weights. */
  readonly heldOut: readonly Task[];
  readonly reports: readonly SourceReport[];
}

/**
 * Reads sources once, from beginning to end: everything that is wrong with them is found here. Parts what is trained on from
 * what is held out; nothing that is asked on one side is asked on the other.
 *
 * @throws {DatasetError} {SourceError} and what the hub throws.
 */
export async function prepareTasks(options: PrepareTasksOptions): Promise<PreparedTasks> {
  const { sources, heldOut } = options;
  const total = sources.reduce((sum, { weight = 1 }) => sum + weight, 0);
  const own =
    heldOut.source === undefined ? undefined : (await load(heldOut.source, options)).tasks.slice(0, heldOut.count);
  const prepared: PreparedSource[] = [];
  for (const source of sources) {
    // Each source has its part of them, and one at least.
    const count = Math.max(1, Math.round((heldOut.count * (source.weight ?? 1)) / total));
    prepared.push(
      'task' in source
        ? fromSet(source, own ? 0 : count, options)
        : await prepareFiles(source, { count, own }, options),
    );
  }
  return {
    sources: prepared.map(({ source }) => source),
    heldOut: own ?? inTurn(prepared.map((one) => one.heldOut)),
    reports: prepared.map(({ report }) => report),
  };
}

/** Lists one beside the other, each spread evenly: any beginning has of each what is its share. */
function inTurn<Item>(lists: readonly (readonly Item[])[]): readonly Item[] {
  const placed = lists.flatMap((list) => list.map((item, i) => ({ item, place: (i + 0.5) / list.length })));
  return placed.toSorted((a, b) => a.place - b.place).map(({ item }) => item);
}

function fromSet(
  source: GeneratedSource & NamedSource,
  count: number,
  { seed = 0 }: PrepareTasksOptions,
): PreparedSource {
  const set = taskSetOf(source);
  const name = nameOf(source);
  const { task, options, weight = 1 } = source;
  return {
    source: { name, weight, task, ...(options !== undefined && { options }) },
    heldOut: Array.from({ length: count }, (_, number) => ({
      ...set.task(number, { seed, split: 'heldOut' }),
      source: name,
    })),
    report: { ...nothingRead, name, form: 'generated', heldOut: count },
  };
}

const nothingRead = { columns: [], files: 0, records: 0, broken: 0, firstBroken: [], leaked: 0 } as const;
