import { type LatencySummary, RecentSamples, summarizeLatency } from './percentiles.ts';
import { Rate } from './rate.ts';

/** Requests that latencies are taken over: enough for a p99 of ten samples. */
const LATENCY_SAMPLES = 1000;

/** How requests end: `retried` ones are counted again where they go next. */
export type RequestEnd = 'successful' | 'failed' | 'retried';

/** What the requests of one replica, or of the whole service, came to. */
export interface RequestTotals extends LatencySummary {
  readonly totalRequests: number;
  readonly successfulRequests: number;
  readonly failedRequests: number;
  readonly retriedRequests: number;
  /** A second, over the last minute. */
  readonly requestRate: number;
}

/** Counts requests and their latencies. */
export class RequestCounter {
  readonly #ends: Record<RequestEnd, number> = { successful: 0, failed: 0, retried: 0 };
  readonly #latenciesMs = new RecentSamples(LATENCY_SAMPLES);
  readonly #rate = new Rate();

  /** A request that ended at `nowMs`, `latencyMs` after it began. */
  count(end: RequestEnd, latencyMs: number, nowMs: number): void {
    this.#ends[end]++;
    this.#rate.count(nowMs);
    if (end !== 'retried') this.#latenciesMs.add(latencyMs);
  }

  totals(nowMs: number): RequestTotals {
    const { successful, failed, retried } = this.#ends;
    return {
      totalRequests: successful + failed + retried,
      successfulRequests: successful,
      failedRequests: failed,
      retriedRequests: retried,
      requestRate: this.#rate.perSecond(nowMs),
      ...summarizeLatency(this.#latenciesMs),
    };
  }
}
