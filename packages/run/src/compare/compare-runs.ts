import type { RecordedRun, StepRecord } from './read-run.ts';

export interface CompareOptions {
  /** Held-out accuracies whose first reaching is told. @default [0.5, 0.8, 0.9, 0.95, 0.99] */
  readonly accuracies?: readonly number[];
}

/** A run in numbers. */
export interface RunSummary {
  readonly folder: string;
  /** Steps by phase, in their order. */
  readonly steps: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** Of held-out accuracy and mean reward: the first, the last and the best. */
  readonly accuracy: Extent | undefined;
  readonly reward: Extent | undefined;
  /** Mean over all steps. */
  readonly tokensPerSecond: number | undefined;
  /** When held-out accuracies were reached first. */
  readonly reached: readonly Reached[];
}

export interface Extent {
  readonly first: number;
  readonly last: number;
  readonly best: number;
}

export interface Reached {
  readonly accuracy: number;
  /** Absent where it was not. */
  readonly at?: { readonly step: number; readonly seconds: number };
}

/** A key with its value in each run, as JSON; `undefined` where a run does not have it. */
export interface DifferentSetting {
  readonly key: string;
  readonly values: readonly (string | undefined)[];
}

/** The first step at which two runs are not the same. */
export interface FirstDifference {
  readonly step: number;
  readonly metrics: Readonly<Record<string, readonly [number | undefined, number | undefined]>>;
}

/** Two runs held against each other, step by step. */
export interface StepByStep {
  /** Folders. */
  readonly runs: readonly [string, string];
  /** Steps that both have. */
  readonly common: number;
  /** Absent when all that does not depend on time is equal, to the last bit. */
  readonly first?: FirstDifference;
}

export interface RunComparison {
  readonly runs: readonly RunSummary[];
  readonly settings: readonly DifferentSetting[];
  /** Each run against the first. */
  readonly stepByStep: readonly StepByStep[];
}

/** Says nothing about what a run did. */
const FREE = ['run.name', 'run.folder', 'run.resume'];
/** What depends on how fast the machine is, and on which of its processes is asked when. */
const TIMED = /seconds|persecond|perf\/|duration|^generator\/|^process/i;

/** What runs have in common, and what not. */
export function compareRuns(
  runs: readonly RecordedRun[],
  { accuracies = [0.5, 0.8, 0.9, 0.95, 0.99] }: CompareOptions = {},
): RunComparison {
  const keys = [...new Set(runs.flatMap(({ settings }) => [...settings.keys()]))].filter((key) => !FREE.includes(key));
  const settings = keys
    .map((key) => ({ key, values: runs.map((run) => run.settings.get(key)) }))
    .filter(({ values }) => new Set(values).size > 1);
  const [first, ...others] = runs;
  return {
    runs: runs.map((run) => summarize(run, accuracies)),
    settings,
    stepByStep: first === undefined ? [] : others.map((other) => stepByStep(first, other)),
  };
}

function summarize({ folder, records }: RecordedRun, accuracies: readonly number[]): RunSummary {
  const taken = records.filter(({ step }) => step > 0);
  const rates = columnOf(taken, 'tokensPerSecond');
  return {
    folder,
    steps: Object.fromEntries([...Map.groupBy(taken, ({ phase }) => phase)].map(([phase, all]) => [phase, all.length])),
    seconds: records.at(-1)?.wallSeconds ?? 0,
    accuracy: extentOf(columnOf(records, 'eval/accuracy')),
    reward: extentOf(columnOf(taken, 'reward/mean')),
    tokensPerSecond: rates.length === 0 ? undefined : rates.reduce((sum, rate) => sum + rate, 0) / rates.length,
    reached: accuracies.map((accuracy) => {
      const at = records.find(({ metrics }) => (metrics['eval/accuracy'] ?? -1) >= accuracy);
      return at === undefined ? { accuracy } : { accuracy, at: { step: at.step, seconds: at.wallSeconds } };
    }),
  };
}

/** The numbers of a key, over the steps that have it. */
export function columnOf(records: readonly StepRecord[], key: string): readonly number[] {
  return records.flatMap(({ metrics }) => metrics[key] ?? []);
}

function extentOf(values: readonly number[]): Extent | undefined {
  const [first] = values;
  if (first === undefined) return undefined;
  const best = values.reduce((a, b) => Math.max(a, b));
  return { first, last: values.at(-1)!, best }; // there is a first
}

function stepByStep(a: RecordedRun, b: RecordedRun): StepByStep {
  const later = new Map(b.records.map((record) => [record.step, record]));
  let common = 0;
  for (const record of a.records) {
    const other = later.get(record.step);
    if (other === undefined) continue;
    const metrics = differences(record, other);
    if (metrics.length > 0) {
      const first = { step: record.step, metrics: Object.fromEntries(metrics) };
      return { runs: [a.folder, b.folder], common: common + countCommon(a, later, record.step), first };
    }
    common++;
  }
  return { runs: [a.folder, b.folder], common };
}

const countCommon = ({ records }: RecordedRun, later: ReadonlyMap<number, unknown>, from: number) =>
  records.filter(({ step }) => step >= from && later.has(step)).length;

function differences(a: StepRecord, b: StepRecord) {
  const keys = [...new Set([...Object.keys(a.metrics), ...Object.keys(b.metrics)])].filter((key) => !TIMED.test(key));
  return keys
    .filter((key) => a.metrics[key] !== b.metrics[key])
    .map((key) => [key, [a.metrics[key], b.metrics[key]] as const] as const);
}
