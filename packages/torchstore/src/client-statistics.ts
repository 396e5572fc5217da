import { Latency } from './latency.ts';
import type { ByteWay } from './transport/transport.ts';

/** Operations of one kind by one process. */
export interface OperationStatistics {
  /** Operations that succeeded. */
  readonly count: number;
  readonly failures: number;
  readonly bytes: Readonly<Record<ByteWay, number>>;
  /** Undefined before the first. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** What one process has done with a store. */
export interface ClientStatistics {
  readonly puts: OperationStatistics;
  readonly gets: OperationStatistics;
}

/** Counts operations of one kind. */
export class OperationCounter {
  readonly #latency = new Latency();
  readonly #bytes: Record<ByteWay, number> = { tmpfs: 0, unix: 0, websocket: 0, inline: 0 };
  #failures = 0;

  /** Measures an operation. */
  async measure<T>(operation: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      const result = await operation();
      this.#latency.add(performance.now() - start);
      return result;
    } catch (error) {
      this.#failures += 1;
      throw error;
    }
  }

  moved(way: ByteWay, bytes: number): void {
    this.#bytes[way] += bytes;
  }

  get statistics(): OperationStatistics {
    return {
      count: this.#latency.count,
      failures: this.#failures,
      bytes: { ...this.#bytes },
      p50Ms: this.#latency.quantile(0.5),
      p99Ms: this.#latency.quantile(0.99),
    };
  }
}
