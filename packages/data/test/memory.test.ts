import { execFile } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { fileOf } from './temporary-folder.ts';

/** Larger than the heap that the process is given; FORGE_DATA_TEST_MB=300 makes it larger still. */
const megabytes = Number(process.env['FORGE_DATA_TEST_MB'] ?? 40);
const heapMb = 36;

test(`an epoch of a file of ${megabytes} MB is streamed with a heap of ${heapMb} MB`, {
  timeout: 120_000,
}, async () => {
  const file = fileOf('large.jsonl', '');
  const records = writeRecords(file, megabytes * 1e6);
  const { stdout } = await promisify(execFile)(process.execPath, [
    `--max-old-space-size=${heapMb}`,
    path.join(import.meta.dirname, 'fixtures', 'stream.ts'),
    file,
  ]);
  expect(JSON.parse(stdout)).toEqual({
    size: records,
    sum: (records * (records - 1)) / 2,
    maxRssMb: expect.any(Number),
  });
});

/** Records of a thousand bytes, numbered by their targets. */
function writeRecords(file: string, bytes: number): number {
  const handle = openSync(file, 'w');
  const count = Math.floor(bytes / 1000);
  for (let start = 0; start < count; start += 1000) {
    const numbers = Array.from({ length: Math.min(1000, count - start) }, (_, i) => start + i);
    writeSync(
      handle,
      numbers.map((i) => `${JSON.stringify({ question: `${i} ${'x'.repeat(940)}`, answer: `${i}` })}\n`).join(''),
    );
  }
  closeSync(handle);
  return count;
}
