import { Latency } from './latency.ts';
import type { TransportKind } from './transport/transport.ts';

/** Operations of one kind by one process. */
export interface OperationStatistics {
  /** Operations that succeeded. */
  readonly count: number;
  readonly failures: number;
  readonly bytes: Readonly<Record<TransportKind, number>>;
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
  readonly #bytes: Record<TransportKind, number> = { tmpfs: 0, websocket: 0 };
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

  moved(kind: TransportKind, bytes: number): void {
    this.#bytes[kind] += bytes;
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
