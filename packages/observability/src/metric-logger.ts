import type { ProcMesh } from '@forge/monarch';
import { Collector, drainMetrics, type Metrics, reduceMetrics } from './collector.ts';
import { MetricFetcher } from './metric-fetcher.ts';
import type { Reduction } from './reduction.ts';

/** One line of a run: where it stands, and its numbers by name. */
export interface MetricRecord {
  readonly step: number;
  readonly [key: string]: number | string;
}

/** Where records go. */
export interface Sink {
  write(record: MetricRecord): void;
  close?(): void | Promise<void>;
}

/** Joins the metrics of all processes to one record a step and hands it to every sink. */
export class MetricLogger implements AsyncDisposable {
  readonly #sinks: readonly Sink[];
  readonly #collector = new Collector();
  /** Each hands out what the processes of one mesh recorded. */
  readonly #fetches: (() => Promise<Iterable<Metrics>>)[] = [];

  constructor(sinks: readonly Sink[]) {
    this.#sinks = sinks;
  }

  /** Includes what is recorded in these processes from now on. */
  async observe<D extends string>(procs: ProcMesh<D>): Promise<void> {
    const fetcher = await procs.spawn('metrics', MetricFetcher);
    this.#fetches.push(async () => (await fetcher.drain.call()).values());
  }

  record(key: string, value: number, reduction: Reduction = 'mean'): void {
    this.#collector.record(key, value, reduction);
  }

  /**
   * Ends the period: reduces what all processes recorded and writes it.
   *
   * @param fields - keys that are no metrics, such as the phase; they come first.
   */
  async flush(step: number, fields: Readonly<Record<string, number | string>> = {}): Promise<MetricRecord> {
    const remote = await Promise.all(this.#fetches.map((fetch) => fetch()));
    for (const mesh of remote) for (const metrics of mesh) this.#collector.add(metrics);
    this.#collector.add(drainMetrics());
    const record = { step, ...fields, ...reduceMetrics(this.#collector.drain()) };
    for (const sink of this.#sinks) sink.write(record);
    return record;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const sink of this.#sinks) await sink.close?.();
  }
}
