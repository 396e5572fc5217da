import type { MetricTable } from './metric-table.ts';

/** How long a process did nothing else than one thing: messages to it waited as long. */
export interface EventLoopDelay {
  /** Or processes, of a service. */
  readonly process: string;
  /** The longest in ms, at the latest step that tells it, and at any. */
  readonly lastMs: number;
  readonly worstMs: number;
  readonly worstStep: number;
}

/** Metrics of the trainer begin as TorchForge's do: its process is the `trainer`. */
const DELAY = /^(?:rl_)?(\w+)_perf\/event_loop_delay\/max_ms$/;

/** The delays of all processes that tell theirs, the worst first. */
export function eventLoops(table: MetricTable): readonly EventLoopDelay[] {
  const steps = table.column('step');
  const delays = table.metrics.flatMap((metric) => {
    const [, process] = DELAY.exec(metric) ?? [];
    const column = table.column(metric);
    if (process === undefined || column === undefined || steps === undefined) return [];
    const worst = column.reduce(
      (best, value, i) => (value > (column[best] ?? Number.NaN) || Number.isNaN(column[best]) ? i : best),
      0,
    );
    const last = column.findLast((value) => !Number.isNaN(value));
    return [{ process, lastMs: last ?? Number.NaN, worstMs: column[worst]!, worstStep: steps[worst]! }]; // as many as lines
  });
  return delays.toSorted((a, b) => b.worstMs - a.worstMs);
}
