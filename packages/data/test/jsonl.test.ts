import { truncateSync, writeFileSync } from 'node:fs';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readRecords } from '../src/index.ts';

import { openRecords } from '../src/records/open-records.ts';
import { lineEnds } from '../src/records/record-ends.ts';
import { textBlocksIn } from '../src/records/text-blocks.ts';
import { all, fileOf } from './temporary-folder.ts';

/** A stream of bytes in pieces that end at these places. */
async function* cut(bytes: Buffer, places: readonly number[]): AsyncGenerator<Buffer> {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
  let start = 0;
  for (const end of [...ends, bytes.length]) {
    yield bytes.subarray(start, end);
    start = end;
  }
}

test('wherever a stream is cut, its blocks are whole lines, and together they are all of it', async () => {
  const line = fc.string({ maxLength: 12 }).map((text) => text.replaceAll('\n', ''));
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 20 }),
      fc.array(fc.nat(300)),
      fc.boolean(),
      async (lines, cuts, isEnded) => {
        const bytes = Buffer.from(lines.join('\n') + (isEnded ? '\n' : ''));
        const blocks = await all(textBlocksIn(cut(bytes, cuts), { maxBytes: 1000, findEnds: lineEnds }));
        expect(Buffer.concat(blocks.map((block) => block.bytes))).toEqual(bytes);
        for (const [i, { offset, byteLength, firstLine, bytes: part }] of blocks.entries()) {
          expect(part).toEqual(bytes.subarray(offset, offset + byteLength));
          expect(firstLine).toBe(bytes.subarray(0, offset).toString().split('\n').length);
          if (i < blocks.length - 1) expect(part.at(-1)).toBe(10);
        }
      },
    ),
  );
});

test('a line that is too long is passed over in one piece, wherever the stream is cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 101, max: 400 }),
      fc.array(fc.nat(600), { maxLength: 5 }),
      async (length, cuts) => {
        // Cut so often that no piece holds what is too long.
        const places = [...cuts, ...Array.from({ length: 20 }, (_, i) => i * 40)];
        const bytes = Buffer.from(`one\n${'x'.repeat(length)}\nthree\n`);
        const blocks = await all(textBlocksIn(cut(bytes, places), { maxBytes: 100, findEnds: lineEnds }));
        const long = blocks.filter(({ isTooLong }) => isTooLong);
        expect(long).toMatchObject([{ offset: 4, byteLength: length + 1, firstLine: 2 }]);
        expect(blocks.map((block) => block.bytes.toString()).join('')).toBe('one\nthree\n');
        expect(blocks.at(-1)!.offset + blocks.at(-1)!.byteLength).toBe(bytes.length);
      },
    ),
  );
});

test('records have their lines; blank lines, line ends of Windows and a byte order mark are no records', async () => {
  const file = fileOf('a.jsonl', '\ufeff{"a": 1}\r\n\r\n  \n{"a": {"b": [null]}}');
  expect(await all(readRecords(file))).toEqual([
    { path: file, line: 1, value: { a: 1 } },
    { path: file, line: 4, value: { a: { b: [null] } } },
  ]);
});

test('of a key that stands twice in an object the last counts, and a key is no way into a prototype', async () => {
  const file = fileOf('a.jsonl', '{"a": 1, "a": 2, "__proto__": {"b": 3}}');
  const [record] = await all(readRecords(file));
  expect(record!.value['a']).toBe(2);
  expect('b' in record!.value).toBe(false);
});

test.each([
  ['a list', '[1, 2]', 'expected one JSON object a line, found: [1, 2]'],
  ['a number', '7', 'expected one JSON object a line, found: 7'],
  ['half an object', '{"a": ', 'expected one JSON object a line, found: {"a":'],
  ['a line that is cut out of UTF-8', Buffer.from([0x22, 0xc3, 0x22]), 'the line is not UTF-8.'],
  ['text in UTF-16', Buffer.from('{"a"', 'utf16le'), 'expected one JSON object a line, found: {\0"\0a\0"\0'],
  [
    'a line of 17 MiB',
    `{"a": "${'x'.repeat(17 * 2 ** 20)}"}`,
    `the line has ${17 * 2 ** 20 + 10} bytes; at most 16777216 are read.`,
  ],
])('%s is no record, and those around it are', async (_, line, message) => {
  const bytes = Buffer.concat([Buffer.from('{"a": 1}\n'), Buffer.from(line), Buffer.from('\n{"a": 3}\n')]);
  await using file = await openRecords(fileOf('a.jsonl', bytes));
  const found = (await all(file.blocks())).flatMap(({ records }) => records);
  expect(found).toMatchObject([{ line: 1 }, { error: { code: 'ERR_DATA_DATASET', line: 2 } }, { line: 3 }]);
  const [, broken] = found;
  expect((broken as { error: Error }).error.message).toBe(`${file.path}:2: ${message}`);
});

test('a compressed file has the records of the file, and one that is cut off says so', async () => {
  const lines = Array.from({ length: 5000 }, (_, i) => JSON.stringify({ i, text: `${i * 7919}`.repeat(5) })).join('\n');
  const plain = await all(readRecords(fileOf('a.jsonl', lines)));
  for (const [ending, bytes] of [
    ['gz', gzipSync(lines)],
    ['zst', zstdCompressSync(lines)],
  ] as const) {
    const file = fileOf(`a.jsonl.${ending}`, bytes);
    expect((await all(readRecords(file))).map(({ line, value }) => ({ line, value }))).toEqual(
      plain.map(({ line, value }) => ({ line, value })),
    );
    truncateSync(file, bytes.length >> 1);
    await expect(all(readRecords(file))).rejects.toThrow(/it is damaged or cut off/);
  }
});

test('a block is read again without what stands before it', async () => {
  const lines = Array.from({ length: 9000 }, (_, i) => JSON.stringify({ i, pad: 'é'.repeat(i % 50) }));
  await using file = await openRecords(fileOf('a.jsonl', lines));
  const blocks = await all(file.blocks());
  expect(blocks.length).toBeGreaterThan(3);
  for (const { block, records } of blocks.toReversed()) expect(await file.read(block)).toEqual(records);
  writeFileSync(file.path, lines.slice(0, 10).join('\n'));
  await expect(file.read(blocks.at(-1)!.block)).rejects.toThrow(/it is shorter than it was/);
});

test('a file that is not there, a folder and a format that is not read are named', async () => {
  await expect(all(readRecords('absent.jsonl'))).rejects.toThrow('absent.jsonl: the file cannot be read (ENOENT).');
  await expect(all(readRecords(import.meta.dirname))).rejects.toThrow(/the file cannot be read \(EISDIR\)/);
  await expect(all(readRecords(fileOf('a.arrow', 'a,b')))).rejects.toThrow(
    /its format is not read; JSON lines .* and Parquet/,
  );
});
