import { type Accumulated, accumulate, merge, type Reduction, reduced } from './reduction.ts';

/** The metrics of one period, by name, before they become numbers. */
export type Metrics = Readonly<Record<string, Accumulated>>;

/** Gathers the metrics of one period. */
export class Collector {
  readonly #states = new Map<string, Accumulated>();

  /**
   * Takes one value. Values of one key within a period are reduced to one.
   *
   * @throws {TypeError} when the key was recorded with another reduction in this period.
   */
  record(key: string, value: number, reduction: Reduction = 'mean'): void {
    this.add({ [key]: accumulate(reduction, value) });
  }

  /** Takes what another collector drained. */
  add(metrics: Metrics): void {
    for (const [key, state] of Object.entries(metrics)) {
      const held = this.#states.get(key);
      this.#states.set(key, held === undefined ? state : merge(held, state));
    }
  }

  /** Hands out everything and starts the next period. */
  drain(): Metrics {
    const metrics = Object.fromEntries(this.#states);
    this.#states.clear();
    return metrics;
  }
}

/** The numbers of a period, sorted by name. */
export function reduceMetrics(metrics: Metrics): Readonly<Record<string, number>> {
  const entries = Object.entries(metrics).map(([key, state]) => [key, reduced(state)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

// One for each process, as the values come from code that nobody handed a collector to; `MetricFetcher` empties it.
const ofThisProcess = new Collector();

/**
 * Records a value in this process, from anywhere in it.
 *
 * @param reduction - how the values of one period become one. @default 'mean'
 * Source: TorchForge `forge/observability/metrics.py`, `record_metric`.
 */
export function recordMetric(key: string, value: number, reduction: Reduction = 'mean'): void {
  ofThisProcess.record(key, value, reduction);
}

const samplers = new Set<() => void>();

/** Has something recorded whenever the metrics of this process are handed out, such as what is measured all the time. */
export function beforeDrain(record: () => void): Disposable {
  samplers.add(record);
  return { [Symbol.dispose]: () => void samplers.delete(record) };
}

/** What `recordMetric` gathered in this process since the last time. */
export function drainMetrics(): Metrics {
  for (const record of samplers) record();
  return ofThisProcess.drain();
}
