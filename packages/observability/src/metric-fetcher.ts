import { Actor, endpoint } from '@forge/monarch';
import { drainMetrics, type Metrics } from './collector.ts';

/** Runs beside the actors of a process and hands out what they recorded. */
export class MetricFetcher extends Actor {
  static readonly module: string = import.meta.url;

  readonly drain = endpoint((): Metrics => drainMetrics());
}
