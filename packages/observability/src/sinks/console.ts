import type { MetricRecord, Sink } from '../metric-logger.ts';

export interface ConsoleSinkOptions {
  /** @default process.stdout */
  readonly stream?: { write(text: string): unknown };
}

/**
 * Writes each record as a block of `key: value` lines.
 *
 * Source: TorchForge `forge/observability/metrics.py`, `ConsoleBackend`.
 */
export function consoleSink({ stream = process.stdout }: ConsoleSinkOptions = {}): Sink {
  return {
    write: ({ step, ...rest }: MetricRecord) => {
      const lines = Object.entries(rest).map(([key, value]) => `  ${key}: ${formatted(value)}`);
      stream.write([`step ${step}`, ...lines, ''].join('\n'));
    },
  };
}

function formatted(value: number | string | undefined): string {
  return typeof value === 'number' && !Number.isInteger(value) ? value.toPrecision(4) : String(value);
}
