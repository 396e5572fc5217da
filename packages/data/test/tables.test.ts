import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DatasetError, readRecords } from '../src/index.ts';
import { openRecords } from '../src/records/open-records.ts';
import { all, fileOf } from './temporary-folder.ts';

type Row = Readonly<Record<string, string>>;
const quoted = (value: string) => `"${value.replaceAll('"', '""')}"`;
const csvOf = (rows: readonly Row[], lineEnd = '\n') =>
  ['p,t', ...rows.map(({ p, t }) => `${quoted(p!)},${quoted(t!)}`)].join(lineEnd);

/** Records with anything in them that a format has to quote. */
const rows = fc.array(
  fc.record({
    p: fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\n', '\r\n', '[', '}', '\\', ' ', '\t') }),
    t: fc.string({ unit: 'grapheme', maxLength: 5 }),
  }),
  { minLength: 1, maxLength: 12 },
);

const formats = [
  ['csv', (values: readonly Row[]) => csvOf(values)],
  ['csv', (values: readonly Row[]) => `\ufeff${csvOf(values, '\r\n')}\r\n`],
  ['tsv', (values: readonly Row[]) => csvOf(values).replace('p,t', 'p\tt').replaceAll('","', '"\t"')],
  ['json', (values: readonly Row[]) => JSON.stringify(values)],
  ['json', (values: readonly Row[]) => `\n${JSON.stringify(values, null, 2)}\n`],
  ['json', (values: readonly Row[]) => values.map((value) => JSON.stringify(value)).join('\n')],
] as const;

test.each(formats)('what is written as %s is read, compressed, too', async (ending, written) => {
  await fc.assert(
    fc.asyncProperty(
      // A separator in quotes would be replaced, too.
      rows.filter((all) => ending !== 'tsv' || !all.some(({ p, t }) => `"${p}"${t}"`.includes('","'))),
      async (values) => {
        const text = written(values);
        for (const [suffix, bytes] of [
          ['', text],
          ['.gz', gzipSync(text)],
          ['.zst', zstdCompressSync(text)],
        ] as const) {
          const records = await all(readRecords(fileOf(`a.${ending}${suffix}`, bytes)));
          expect(records.map(({ value }) => value)).toEqual(values);
        }
      },
    ),
    { numRuns: 25 },
  );
});

const many = Array.from({ length: 9000 }, (_, i) => ({ p: `${i}, "é"\n${'x'.repeat(i % 60)}`, t: String(i) }));

test.each([
  ['csv', csvOf(many)],
  ['json', JSON.stringify(many, null, 1)],
])('a block of %s is read again without what stands before it', async (ending, text) => {
  await using file = await openRecords(fileOf(`a.${ending}`, text));
  const blocks = await all(file.blocks());
  expect(blocks.length).toBeGreaterThan(3);
  expect(blocks.flatMap(({ records }) => records)).toMatchObject(many.map((value) => ({ value })));
  await using again = await openRecords(file.path);
  for (const { block, records } of blocks.toReversed()) expect(await again.read(block)).toEqual(records);
});

describe('broken records name file and line, and those around them are read', () => {
  const found = async (name: string, text: string | Buffer) => {
    await using file = await openRecords(fileOf(name, text));
    const told: string[] = [];
    try {
      for await (const { records } of file.blocks()) {
        for (const record of records) {
          told.push('error' in record ? record.error.message : `${record.line}: ${JSON.stringify(record.value)}`);
        }
      }
    } catch (error) {
      told.push(`at last ${(error as DatasetError).message}`);
    }
    return told.map((line) => line.replace(file.path, name));
  };

  test('too few and too many values, and a quote in the middle', async () => {
    expect(await found('a.csv', 'p,t\n"a\nb",c\n\nd\ne,f,g\nh,i"j\nk,l\n')).toEqual([
      '2: {"p":"a\\nb","t":"c"}',
      'a.csv:5: Invalid Record Length: columns length is 2, got 1.',
      'a.csv:6: Invalid Record Length: columns length is 2, got 3.',
      'a.csv:7: Invalid Opening Quote: a quote is found on field "t", value is "i".',
      '8: {"p":"k","t":"l"}',
    ]);
  });

  test('bytes that are no characters', async () => {
    expect(await found('b.csv', Buffer.from('p,t\na,b\ncaf\xe9,d\ne,f\n', 'latin1'))).toEqual([
      '2: {"p":"a","t":"b"}',
      'b.csv:3: the record is not UTF-8.',
      '4: {"p":"e","t":"f"}',
    ]);
    expect(await found('c.csv', 'p\n\ufffd\n')).toEqual(['2: {"p":"\ufffd"}']);
  });

  test('what is no object in a list, what has a comma too many, and a list that is cut off', async () => {
    expect(await found('a.json', '[\n{"p": 1},\n\n[2], 3,\n{"p": },,\n{"p": "]"}\n]')).toEqual([
      '2: {"p":1}',
      'a.json:4: expected a list of JSON objects, found: [2]',
      'a.json:4: expected a list of JSON objects, found: 3',
      'a.json:5: expected a list of JSON objects, found: {"p": }',
      'a.json:5: expected a list of JSON objects, found: ',
      '6: {"p":"]"}',
    ]);
    expect(await found('b.json', '[{"p": 1},\n{"p": 2')).toEqual([
      '1: {"p":1}',
      'b.json:2: neither , nor ] stands behind: {"p": 2',
      'at last b.json:2: the list is cut off in an element.',
    ]);
    expect(await found('c.json', Buffer.from('[{"p": "\xe9"}]', 'latin1'))).toEqual([
      'c.json:1: the element is not UTF-8.',
    ]);
    expect(await found('d.json', '[ ]')).toEqual([]);
  });

  test.each([
    ['[', [], 'behind: ['],
    ['[\n{"p":1},\n\n ', ['2: {"p":1}'], 'behind: ,'],
    ['[{"p":1}', ['a.json:1: neither , nor ] stands behind: {"p":1}'], 'in an element.'],
    ['[{"p":"1,', ['a.json:1: neither , nor ] stands behind: {"p":"1,'], 'in an element.'],
    ['[{"p":[1]', ['a.json:1: neither , nor ] stands behind: {"p":[1]'], 'in an element.'],
    ['[{"p":1}] x', ['1: {"p":1}', 'a.json:1: neither , nor ] stands behind: x'], undefined],
  ])('a list without an end, or with more behind it: %j', async (text, told, place) => {
    const line = text.startsWith('[\n') ? 2 : 1;
    const end = place === undefined ? [] : [`at last a.json:${line}: the list is cut off ${place}`];
    expect(await found('a.json', text)).toEqual([...told, ...end]);
  });

  test('a list that is cut off anywhere is told, with the line', async () => {
    const json = fc.tuple(
      fc.array(fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue()), { maxLength: 4 }),
      fc.nat(2),
    );
    await fc.assert(
      fc.asyncProperty(json, fc.nat(), async ([values, indent], cut) => {
        const whole = Buffer.from(JSON.stringify(values, null, indent));
        const file = fileOf('a.json', whole.subarray(0, 1 + (cut % (whole.length - 1))));
        const error = await all(readRecords(file)).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(DatasetError);
        expect((error as DatasetError).line).toBeGreaterThan(0);
      }),
    );
  });

  test.each([
    ['no names', ''],
    ['a name that stands twice', 'p,p\n1,2'],
    ['a name that is missing', 'p,\n1,2'],
    ['a name with a quote in the middle', 'p"q,t\n1,2'],
    ['names that are not UTF-8', Buffer.from('p,caf\xe9\n1,2', 'latin1')],
  ])('a table with %s', async (_, text) => {
    const opened = openRecords(fileOf('a.csv', text));
    await expect(opened).rejects.toThrow(/a\.csv:1: .*names of columns/);
    await expect(opened).rejects.toThrow(DatasetError);
  });
});
