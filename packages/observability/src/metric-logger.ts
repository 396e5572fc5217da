import type { ProcMesh } from '@forge/monarch';
import { Collector, drainMetrics, reduceMetrics } from './collector.ts';
import { MetricFetcher } from './metric-fetcher.ts';
import { type MetricSource, ObservedSource } from './observed-source.ts';
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

export interface MetricLoggerOptions {
  /** Told, in one line, when what a process recorded is missing in a record. @default writes to stderr */
  readonly warn?: (line: string) => void;
}

/** Joins the metrics of all processes to one record a step and hands it to every sink. */
export class MetricLogger implements AsyncDisposable {
  readonly #sinks: readonly Sink[];
  readonly #warn: (line: string) => void;
  readonly #collector = new Collector();
  readonly #sources: ObservedSource[] = [];

  constructor(
    sinks: readonly Sink[],
    { warn = (line) => process.stderr.write(`${line}\n`) }: MetricLoggerOptions = {},
  ) {
    this.#sinks = sinks;
    this.#warn = warn;
  }

  /**
   * Includes what is recorded in these processes, or what the function hands out, from now on. A process that cannot be
   * asked is left out of the record, with a warning; when it has ended, for good.
   *
   * ```ts
   * await logger.observe(procs);
   * await logger.observe(async () => [await trainer.drainMetrics.callOne()]);
   * await logger.observe(() => generator.drainMetrics.fanoutSettled());
   * ```
   */
  async observe<D extends string>(source: ProcMesh<D> | MetricSource): Promise<void> {
    this.#sources.push(new ObservedSource(typeof source === 'function' ? source : await sourceOf(source), this.#warn));
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
    const remote = await Promise.all(this.#sources.map(async (source) => await source.fetch()));
    for (const metrics of remote.flat()) this.#collector.add(metrics);
    this.#collector.add(drainMetrics());
    const record = { step, ...fields, ...reduceMetrics(this.#collector.drain()) };
    for (const sink of this.#sinks) sink.write(record);
    return record;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const sink of this.#sinks) await sink.close?.();
  }
}

async function sourceOf<D extends string>(procs: ProcMesh<D>): Promise<MetricSource> {
  const fetcher = await procs.spawn('metrics', MetricFetcher);
  return async () => (await fetcher.drain.call().settled()).values();
}
