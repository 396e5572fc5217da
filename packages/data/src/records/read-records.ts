import { openRecords } from './open-records.ts';
import type { DataRecord } from './record.ts';

/**
 * The records of a file of JSON, comma separated values or Parquet, in order, each with its place. Memory is bounded by a block of the file.
 *
 * @throws {DatasetError} when the file cannot be read or a record is broken, naming file and line.
 */
export async function* readRecords(path: string): AsyncGenerator<DataRecord> {
  await using file = await openRecords(path);
  for await (const { records } of file.blocks()) {
    for (const record of records) {
      if ('error' in record) throw record.error;
      yield record;
    }
  }
}
