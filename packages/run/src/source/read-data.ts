import { mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  type DatasetOptions,
  type NamedSource,
  nameOf,
  type PreparedTasks,
  prepareTasks,
  reportLines,
  type SourceReport,
} from '@forge/data';
import type { Task } from '@forge/environments';
import { Random } from '@forge/tensor';
import type { DatasetSettings } from '../sections/dataset.ts';
import { SettingsError } from '../settings/settings-error.ts';
import { wordProblems } from './embedded/word-problems.ts';
import { heldOutOf, namedSources } from './named-sources.ts';
import { PromptCheck, type Prompts, type PromptTokens } from './prompt-check.ts';
import { checkSameData, DATA_FILE } from './same-data.ts';

/** The tasks of a run: all of them read and checked. */
export interface RunData {
  /** What is trained on, for a data set in any process. */
  readonly dataset: DatasetOptions;
  readonly heldOut: readonly Task[];
  /** What was read, for a person. */
  readonly lines: readonly string[];
}

/** What is known of a source; `data.json` has one for each. */
export interface DataReport extends SourceReport {
  readonly promptTokens?: PromptTokens;
  /** Of all its tasks, in order. */
  readonly digest?: string;
}

export interface ReadDataOptions {
  readonly settings: DatasetSettings;
  readonly seed: number;
  /** Of the run: tasks that are held in memory are written there. */
  readonly folder: string;
  readonly prompts: Prompts;
  /** Else what is held out is read alone, where it has files of its own. */
  readonly trains: boolean;
}

/** Tasks that are made texts of at once. */
const AT_ONCE = 1000;

/**
 * Reads and checks the tasks of a run. Into its folder go `train.jsonl` (of several sources `train-1.jsonl`, …; none of what is
 * generated or stays in its files), `held-out.jsonl`, and `data.json`, which tells how many were read and how long they are.
 *
 * @throws an error that names file and line, before anything is written.
 */
export async function readData({ settings, seed, folder, prompts, trains }: ReadDataOptions): Promise<RunData> {
  const check = new PromptCheck(prompts);
  const { sources, heldOut, reports } = await prepared(
    trains || settings.heldOutPath === undefined ? namedSources(settings) : [],
    { settings, seed, check },
  );
  const told: readonly DataReport[] = reports.map((report) => {
    const promptTokens = check.tokensOf(report.name);
    const digest = check.digestOf(report.name);
    return { ...report, ...(promptTokens && { promptTokens }), ...(digest !== undefined && { digest }) };
  });
  await mkdir(folder, { recursive: true });
  await checkSameData(folder, told);
  if (told.length > 0) await writeFile(path.join(folder, DATA_FILE), `${JSON.stringify(told, undefined, 2)}\n`);
  await writeTasks(path.join(folder, 'held-out.jsonl'), heldOut);
  // Tasks in memory go to other processes by way of a file.
  const served = [];
  for (const [i, source] of sources.entries()) {
    if (!('tasks' in source)) {
      served.push(source);
      continue;
    }
    const { tasks, ...rest } = source;
    const file = path.resolve(folder, sources.length === 1 ? 'train.jsonl' : `train-${i + 1}.jsonl`);
    await writeTasks(file, tasks);
    served.push({ ...rest, path: file });
  }
  const { shuffle, shuffleBuffer: bufferSize } = settings;
  return { dataset: { sources: served, seed, shuffle, bufferSize }, heldOut, lines: told.flatMap(linesOf) };
}

interface PrepareOptions extends Pick<ReadDataOptions, 'settings' | 'seed'> {
  readonly check: PromptCheck;
}

async function prepared(
  sources: readonly NamedSource[],
  { settings, seed, check }: PrepareOptions,
): Promise<PreparedTasks> {
  if (sources.length > 0 || settings.heldOutPath !== undefined) {
    const { streaming } = settings;
    const checked = (task: Task, source: string) => check.problemOf(task, source);
    const data = await prepareTasks({ sources, heldOut: heldOutOf(settings), seed, streaming, check: checked });
    checkGenerated(data, check);
    return data;
  }
  const { problems, digits } = settings.embedded;
  const made = wordProblems(new Random(seed).split('problems'), { train: problems, heldOut: settings.heldOut, digits });
  check.problemOf(made.train[0]!, 'word problems'); // they are all alike
  return { sources: [{ name: 'word problems', tasks: made.train }], heldOut: made.heldOut, reports: [] };
}

/** Generated tasks have no records: those that are held out stand for the others. */
function checkGenerated({ sources, heldOut }: PreparedTasks, check: PromptCheck): void {
  const generated = new Map(sources.flatMap((source) => ('task' in source ? [[nameOf(source), source.task]] : [])));
  for (const task of heldOut) {
    const set = generated.get(task.source ?? '');
    const problem = set === undefined ? undefined : check.problemOf(task, task.source!); // it has a set
    if (problem !== undefined) throw new SettingsError([`dataset: a task of ${set} does not fit: ${problem}`]);
  }
}

function linesOf(report: DataReport): readonly string[] {
  const [line = '', ...more] = reportLines(report);
  const { promptTokens: tokens } = report;
  if (tokens === undefined) return [line, ...more];
  return [`${line}; prompt tokens p50 ${tokens.p50}, p95 ${tokens.p95}, max ${tokens.max}`, ...more];
}

/** As records that data sets read: every one says where it is from. */
async function writeTasks(file: string, tasks: readonly Task[]): Promise<void> {
  await using handle = await open(file, 'w');
  for (let start = 0; start < tasks.length; start += AT_ONCE) {
    const lines = tasks.slice(start, start + AT_ONCE).map((task) => `${JSON.stringify({ source: '', ...task })}\n`);
    await handle.appendFile(lines.join(''));
  }
}
