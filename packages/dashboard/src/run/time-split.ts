import type { MetricTable } from './metric-table.ts';

/** What the time of some steps was spent on. */
export interface TimeBar {
  readonly fromStep: number;
  readonly toStep: number;
  /** Mean seconds a step, by phase. */
  readonly seconds: Readonly<Record<string, number>>;
}

/** Metrics that are the seconds of a phase of a step: `perf/trainSeconds`. */
const SECONDS = /^perf\/(\w+)Seconds$/;

/** The seconds of each phase of a step, over at most so many bars of equally many lines. */
export function timeSplit(table: MetricTable, maxBars: number): readonly TimeBar[] {
  const phases = table.metrics.flatMap((metric) => {
    const [, phase] = SECONDS.exec(metric) ?? [];
    return phase === undefined ? [] : [{ phase, column: table.column(metric)! }]; // it is one of the table's metrics
  });
  const steps = table.column('step');
  if (phases.length === 0 || steps === undefined) return [];
  const lines = steps.keys().filter((i) => phases.some(({ column }) => !Number.isNaN(column[i]!)));
  const all = [...lines];
  const size = Math.max(1, Math.ceil(all.length / maxBars));
  return Array.from({ length: Math.ceil(all.length / size) }, (_, bar) => {
    const own = all.slice(bar * size, (bar + 1) * size);
    const means = phases.map(({ phase, column }) => [phase, mean(own.map((i) => column[i]!))] as const);
    return { fromStep: steps[own[0]!]!, toStep: steps[own.at(-1)!]!, seconds: Object.fromEntries(means) };
  });
}

/** A step without a number spent nothing on it. */
const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + (Number.isNaN(value) ? 0 : value), 0) / values.length;
