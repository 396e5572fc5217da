/** Latencies of the most recent requests. */
export interface LatencySummary {
  readonly avgLatencyMs: number;
  readonly p50LatencyMs: number;
  readonly p95LatencyMs: number;
  readonly p99LatencyMs: number;
}

/** The last samples of a quantity, as many as it was made for. */
export class RecentSamples {
  readonly #samples: Float64Array;
  #count = 0;

  constructor(capacity: number) {
    this.#samples = new Float64Array(capacity);
  }

  add(value: number): void {
    this.#samples[this.#count++ % this.#samples.length] = value;
  }

  /** The samples, ascending. */
  sorted(): Float64Array {
    return this.#samples.slice(0, Math.min(this.#count, this.#samples.length)).sort();
  }
}

/** The smallest sample that at least `fraction` of all do not exceed (nearest rank); 0 without samples. */
export function percentile(sorted: Float64Array, fraction: number): number {
  return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? 0;
}

/** Mean and percentiles; zeros without samples. */
export function summarizeLatency(samples: RecentSamples): LatencySummary {
  const sorted = samples.sorted();
  return {
    avgLatencyMs: sorted.reduce((sum, value) => sum + value, 0) / Math.max(1, sorted.length),
    p50LatencyMs: percentile(sorted, 0.5),
    p95LatencyMs: percentile(sorted, 0.95),
    p99LatencyMs: percentile(sorted, 0.99),
  };
}
