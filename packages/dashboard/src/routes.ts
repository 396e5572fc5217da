import { BadRequestError } from './errors.ts';
import {
  COMPLETION_KINDS,
  COMPLETION_SORTS,
  type CompletionKind,
  type CompletionPage,
  type CompletionSort,
} from './run/completion-index.ts';
import { downsample, type Series } from './run/downsample.ts';
import { type EventLoopDelay, eventLoops } from './run/event-loops.ts';
import type { PhaseChange, Place } from './run/metric-table.ts';
import { type ProcessTree, processTree } from './run/process-tree.ts';
import type { LoggedRecord } from './run/record-file.ts';
import type { Run } from './run/run.ts';
import { type TimeBar, timeSplit } from './run/time-split.ts';

/** A run as the page lists it. */
export interface RunSummary {
  readonly name: string;
  readonly folder: string;
  readonly lines: number;
  readonly skippedLines: number;
  readonly lastStep: number | null;
  readonly wallSeconds: number | null;
  readonly metrics: readonly string[];
  readonly phases: readonly PhaseChange[];
  readonly completions: number;
  readonly warnings: number;
}

/** What is wrong with a run, its processes, and what its time is spent on. */
export interface RunHealth {
  /** The latest first. */
  readonly warnings: readonly LoggedRecord[];
  readonly processes: ProcessTree;
  readonly time: readonly TimeBar[];
  /** The worst first. */
  readonly eventLoops: readonly EventLoopDelay[];
}

/** Bars that are told apart. */
const MAX_BARS = 60;

type Route = (run: Run, query: URLSearchParams) => unknown;

/** What can be asked of a run. */
export const RUN_ROUTES: Readonly<Record<string, Route>> = {
  '/v1/series': (run, query): Readonly<Record<string, Series>> => {
    const place = oneOf(query, 'x', ['step', 'wallSeconds'] as const) ?? 'step';
    const window = {
      ...given('from', number(query, 'from')),
      ...given('to', number(query, 'to')),
      ...given('columns', number(query, 'columns')),
    };
    return Object.fromEntries(query.getAll('metric').map((metric) => [metric, seriesOf(run, place, metric, window)]));
  },
  '/v1/completions': ({ completions }, query): CompletionPage =>
    completions.find({
      ...given('fromStep', number(query, 'fromStep')),
      ...given('toStep', number(query, 'toStep')),
      ...given('minReward', number(query, 'minReward')),
      ...given('maxReward', number(query, 'maxReward')),
      ...given('text', query.get('text') ?? undefined),
      ...given('kind', oneOf<CompletionKind>(query, 'kind', COMPLETION_KINDS)),
      ...given('sort', oneOf<CompletionSort>(query, 'sort', COMPLETION_SORTS)),
      ...given('offset', number(query, 'offset')),
      ...given('limit', number(query, 'limit')),
    }),
  '/v1/health': ({ warnings, processes, table }): RunHealth => ({
    warnings: warnings.records.toReversed(),
    processes: processTree(processes.records),
    time: timeSplit(table, MAX_BARS),
    eventLoops: eventLoops(table),
  }),
  '/v1/config': (run) => ({ config: run.config ?? null }),
};

export function summaryOf({ name, folder, table, completions, warnings }: Run): RunSummary {
  const last = (column: string) => table.column(column)?.at(-1) ?? null;
  return {
    name,
    folder,
    lines: table.length,
    skippedLines: table.skipped,
    lastStep: last('step'),
    wallSeconds: last('wallSeconds'),
    metrics: table.metrics,
    phases: table.phases,
    completions: completions.length,
    warnings: warnings.length,
  };
}

function seriesOf({ table }: Run, place: Place, metric: string, window: Parameters<typeof downsample>[2]): Series {
  const [x, y] = [table.column(place), table.column(metric)];
  return x === undefined || y === undefined ? { x: [], y: [] } : downsample(x, y, window);
}

/** An optional field: absent when there is no value. */
function given<K extends string, V>(name: K, value: V | undefined): { readonly [key in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [key in K]?: V };
}

function number(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (!Number.isFinite(value)) throw new BadRequestError(`${name} is ${text}; expected a number`);
  return value;
}

function oneOf<T extends string>(query: URLSearchParams, name: string, values: readonly T[]): T | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = values.find((each) => each === text);
  if (value === undefined) throw new BadRequestError(`${name} is ${text}; expected ${values.join(', ')}`);
  return value;
}
