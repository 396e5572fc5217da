import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { MetricRecord, Sink } from '../metric-logger.ts';

/**
 * Appends one JSON object a record to a file. Each line is written at once, so that a run that is killed leaves whole
 * lines. Numbers that JSON does not know (NaN, infinities) are written as `null`.
 */
export function jsonlSink(file: string): Sink {
  mkdirSync(path.dirname(file), { recursive: true });
  const descriptor = openSync(file, 'a');
  return {
    write: (record: MetricRecord) => {
      writeSync(descriptor, `${JSON.stringify(record)}\n`);
    },
    close: () => closeSync(descriptor),
  };
}
