import { DatasetError } from '../errors.ts';
import { openCsv } from './open-csv.ts';
import { openJson } from './open-json.ts';
import { openJsonl } from './open-jsonl.ts';
import { openParquet } from './open-parquet.ts';
import type { RecordFile } from './record.ts';

const FORMATS: readonly (readonly [names: RegExp, open: (path: string) => Promise<RecordFile>])[] = [
  [/\.parquet$/, openParquet],
  [/\.(jsonl|ndjson)(\.gz|\.zst)?$/, openJsonl],
  [/\.json(\.gz|\.zst)?$/, openJson],
  [/\.(csv|tsv)(\.gz|\.zst)?$/, openCsv],
];

/** Whether a file is one of records, by the end of its name. */
export const isRecordFile = (path: string): boolean => FORMATS.some(([names]) => names.test(path));

/** Opens a file of records; one whose name says nothing is JSON lines. @throws {DatasetError} when it cannot be read */
export async function openRecords(path: string): Promise<RecordFile> {
  if (/\.(txt|arrow|zip|tar|xlsx?)(\.\w+)?$/.test(path)) {
    const read =
      'JSON lines (.jsonl), lists (.json) and tables (.csv, .tsv), also with .gz and .zst, and Parquet (.parquet)';
    throw new DatasetError(path, `its format is not read; ${read} are.`);
  }
  const [, open] = FORMATS.find(([names]) => names.test(path)) ?? [];
  return await (open ?? openJsonl)(path);
}
