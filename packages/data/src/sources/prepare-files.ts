import type { Task } from '@forge/environments';
import { SourceError } from '../errors.ts';
import { duplicatesIn, type PartingRule, partTasks, sideBy } from '../tasks/part-tasks.ts';
import type { HeldOutOptions, PrepareTasksOptions } from './prepare-options.ts';
import { collectTasks, findSource, indexTasks, scanOf } from './scan-source.ts';
import type { SourceReport } from './source-report.ts';
import { checkSeekable } from './streaming.ts';
import {
  type FileSource,
  type IndexedSource,
  type MemorySource,
  type NamedSource,
  nameOf,
  type TaskSource,
} from './task-source.ts';

/** A source of which everything is known. */
export interface PreparedSource {
  readonly source: Exclude<TaskSource, FileSource>;
  readonly heldOut: readonly Task[];
  readonly report: SourceReport;
}

interface Wanted {
  /** Of held-out tasks. */
  readonly count: number;
  /** Those that are known before, for all sources. */
  readonly own: readonly Task[] | undefined;
}

/** Reads a source, and parts what is held out from what is trained on. */
export async function prepareFiles(
  source: FileSource & NamedSource,
  wanted: Wanted,
  options: PrepareTasksOptions,
): Promise<PreparedSource> {
  const name = nameOf(source);
  const { weight = 1 } = source;
  const { split } = options.heldOut;
  const ofSplit =
    split === undefined ? undefined : (await load({ ...source, split }, options)).tasks.slice(0, wanted.count);
  const known = wanted.own ?? ofSplit;
  const rule = ruleOf(options.heldOut, wanted.count, known);
  const parted = await (options.streaming ? partInFiles : partInMemory)(source, { rule, count: wanted.count }, options);
  if (parted.report.tasks === 0) {
    throw new SourceError(name, 'nothing is left to train on: all of its tasks are held out.');
  }
  const heldOut = ofSplit ?? (wanted.own === undefined ? parted.heldOut : []);
  if (heldOut.length === 0 && wanted.own === undefined) {
    throw new SourceError(
      name,
      'one task cannot be both trained on and evaluated; give at least two, or a file or split of their own for what is held out.',
    );
  }
  return {
    source: { name, weight, ...parted.kept },
    heldOut: heldOut.map((task) => ({ ...task, source: name })),
    report: { name, ...parted.report, heldOut: heldOut.length },
  };
}

function ruleOf({ by = 'end', share = 0.05 }: HeldOutOptions, count: number, known?: readonly Task[]): PartingRule {
  if (known !== undefined) return { by: 'known', heldOut: known };
  return by === 'end' ? { by, count } : { by, share };
}

interface Parted {
  readonly kept: MemorySource | IndexedSource;
  readonly heldOut: readonly Task[];
  readonly report: Omit<SourceReport, 'name' | 'heldOut'>;
}

/** Reads a source into memory. */
export async function load(source: FileSource, { check }: Pick<PrepareTasksOptions, 'check'>) {
  const found = await findSource(source);
  const scan = scanOf(found, check && ((task) => check(task, nameOf(source))));
  const tasks = await collectTasks(scan);
  return { tasks, read: { files: found.files.length, ...scan.report } };
}

interface PartOptions {
  readonly rule: PartingRule;
  /** Held-out tasks that are used. */
  readonly count: number;
}

async function partInMemory(
  source: FileSource,
  { rule, count }: PartOptions,
  options: PrepareTasksOptions,
): Promise<Parted> {
  const { tasks, read } = await load(source, options);
  const { train, heldOut, leaked } = partTasks(tasks, rule);
  const duplicates = duplicatesIn(train);
  return {
    kept: { tasks: train },
    heldOut: heldOut.slice(0, count),
    report: { ...read, tasks: train.length, leaked, duplicates },
  };
}

async function partInFiles(
  source: FileSource,
  { rule, count }: PartOptions,
  { check }: PrepareTasksOptions,
): Promise<Parted> {
  const name = nameOf(source);
  if (rule.by === 'end') {
    const problem =
      'its last tasks cannot be held out while it is streamed. Hold out a share by hash, a split or a file.';
    throw new SourceError(name, problem);
  }
  const found = await findSource(source);
  checkSeekable(found);
  const scan = scanOf(found, check && ((task) => check(task, name)));
  const sideOf = sideBy(rule);
  const heldOut: Task[] = [];
  let leaked = 0;
  const index = await indexTasks(scan, found, (task) => {
    const side = sideOf(task);
    if (side === 'heldOut' && heldOut.length < count) heldOut.push(task);
    if (side === 'leaked') leaked += 1;
    return side === 'train';
  });
  const tasks = index.blocks.reduce((sum, { kept }) => sum + kept, 0);
  return { kept: { index }, heldOut, report: { files: found.files.length, ...scan.report, tasks, leaked } };
}
