import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readRecords } from '../src/index.ts';
import { openRecords } from '../src/records/open-records.ts';
import { all, fileOf, golden } from './temporary-folder.ts';

test.each(['none', 'snappy', 'gzip', 'zstd', 'brotli', 'lz4'])(
  'what pyarrow wrote with %s is read',
  async (compression) => {
    const records = await all(readRecords(golden(`gsm8k-${compression}.parquet`)));
    expect(records).toHaveLength(50);
    for (const [i, { row, value }] of records.entries()) {
      expect(row).toBe(i + 1);
      const answer = `${i} + ${i} = <<${i}+${i}=${2 * i}>>${2 * i}\n#### ${2 * i}`;
      expect(value).toEqual({ question: `What is ${i} + ${i}?`, answer });
    }
  },
);

test('lists and structures are those of JSON', async () => {
  const [first, second] = await all(readRecords(golden('verl.parquet')));
  expect(first!.value).toEqual({
    data_source: 'openai/gsm8k',
    prompt: [{ role: 'user', content: 'What is 0?' }],
    ability: 'math',
    reward_model: { style: 'rule', ground_truth: '0' },
    extra_info: { index: 0, split: 'train' },
  });
  expect(second!.value['ability']).toBeNull();
});

test('each type of a column has its form in JSON', async () => {
  const records = await all(readRecords(golden('types.parquet')));
  const time = '2026-01-02T03:04:05.000Z';
  expect(records.map(({ value }) => value)).toEqual([
    { prompt: 'a', target: 7, double: 0.5, bool: true, time, bytes: expect.anything(), list: [1, 2], category: 'x' },
    { prompt: 'b', target: '1152921504606846976', double: null, bool: false, time, bytes: '', list: [], category: 'y' },
  ]);
  expect(JSON.parse(JSON.stringify(records))).toEqual(records);
});

test('blocks are row groups, and each is read again on its own', async () => {
  await using file = await openRecords(golden('gsm8k-zstd.parquet'));
  const blocks = await all(file.blocks());
  expect(blocks.map(({ block }) => block.length)).toEqual([16, 16, 16, 2]);
  for (const { block, records } of blocks.toReversed()) expect(await file.read(block)).toEqual(records);
});

test.each([
  ['no Parquet', () => Buffer.from('{"question": "x"}')],
  ['nothing', () => Buffer.alloc(0)],
  ['half of the file', (whole: Buffer) => whole.subarray(0, whole.length >> 1)],
])('a file that has %s is refused by name', async (_, damage) => {
  const file = fileOf('a.parquet', damage(readFileSync(golden('gsm8k-zstd.parquet'))));
  await expect(all(readRecords(file))).rejects.toMatchObject({
    code: 'ERR_DATA_DATASET',
    path: file,
    message: expect.stringContaining('it is no Parquet file, or cut off'),
  });
});

test('a damaged row group is named by its rows', async () => {
  const bytes = readFileSync(golden('gsm8k-zstd.parquet'));
  bytes.fill(0xff, 4, 400);
  const file = fileOf('a.parquet', bytes);
  await expect(all(readRecords(file))).rejects.toMatchObject({
    row: 1,
    message: expect.stringMatching(/rows 1 to 16 cannot be read/),
  });
});
