import { DatasetError } from '../errors.ts';
import { openJsonl } from './open-jsonl.ts';
import { openParquet } from './open-parquet.ts';
import type { RecordFile } from './record.ts';

const FORMATS: readonly (readonly [names: RegExp, open: (path: string) => Promise<RecordFile>])[] = [
  [/\.parquet$/, openParquet],
  [/\.(jsonl|ndjson|json)(\.gz|\.zst)?$/, openJsonl],
];

/** Whether a file is one of records, by the end of its name. */
export const isRecordFile = (path: string): boolean => FORMATS.some(([names]) => names.test(path));

/** Opens a file of records; one whose name says nothing is JSON lines. @throws {DatasetError} when it cannot be read */
export async function openRecords(path: string): Promise<RecordFile> {
  if (/\.(csv|tsv|txt|arrow|zip|tar)(\.\w+)?$/.test(path)) {
    throw new DatasetError(path, 'only JSON lines (.jsonl, also .gz and .zst) and Parquet (.parquet) are read.');
  }
  const [, open] = FORMATS.find(([names]) => names.test(path)) ?? [];
  return await (open ?? openJsonl)(path);
}
