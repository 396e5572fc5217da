import { isUtf8 } from 'node:buffer';
import { parse } from 'csv-parse/sync';
import { DatasetError } from '../errors.ts';
import { blocksOf, openText, type TextFile, textRecords, withoutMark } from './open-text.ts';
import type { FoundRecord, RecordFile } from './record.ts';
import { csvEnd, endsBy, type FindEnds, type IsEnd } from './record-ends.ts';
import type { TextBlock } from './text-blocks.ts';

/** Of the parser, for names and records alike. */
const OPTIONS = { record_delimiter: ['\r\n', '\n'], skip_empty_lines: true };

/** The names of columns, and how much of the file they take. */
interface Header {
  readonly columns: readonly string[];
  readonly byteLength: number;
  readonly lines: number;
}

/**
 * Opens a table of comma separated values, of tabs where it is called `.tsv`, whose first record names the columns. Every value is a
 * text; quoted ones may have line ends.
 *
 * Source: RFC 4180.
 *
 * @throws {DatasetError} when it cannot be read, or has no names of columns.
 */
export async function openCsv(path: string): Promise<RecordFile> {
  const delimiter = /\.tsv(\.\w+)?$/.test(path) ? '\t' : ',';
  const text = await openText(path);
  const findEnds = () => endsBy(csvEnd(delimiter.charCodeAt(0)));
  const { columns, byteLength, lines } = await headerOf(text, findEnds(), delimiter).catch(async (error: unknown) => {
    await text[Symbol.asyncDispose]();
    throw error;
  });
  return textRecords(text, {
    scan: () => ({ findEnds: findEnds() }),
    record: 'record',
    recordsIn: ({ offset, bytes, firstLine }) => {
      const skipped = offset === 0 ? { bytes: byteLength, lines } : { bytes: 0, lines: 0 };
      const rest = { bytes: bytes.subarray(skipped.bytes), firstLine: firstLine + skipped.lines };
      return rowsIn(path, { ...rest, columns, delimiter });
    },
  });
}

async function headerOf(text: TextFile, findEnds: FindEnds, delimiter: string): Promise<Header> {
  let head: Buffer = Buffer.alloc(0);
  for await (const block of blocksOf(text, findEnds)) {
    const { bytes } = withoutMark(block);
    head = bytes.subarray(0, endOfFirst(bytes, csvEnd(delimiter.charCodeAt(0))));
    break;
  }
  const columns = namesIn(text.path, head, delimiter);
  const isUsable = columns.every((name) => name !== '') && new Set(columns).size === columns.length;
  if (columns.length === 0 || !isUsable) {
    const found = columns.length === 0 ? 'nothing' : columns.join(delimiter).slice(0, 60);
    throw new DatasetError(text.path, `expected names of columns, each another one, found: ${found}`, { line: 1 });
  }
  return { columns, byteLength: head.length, lines: head.toString().split('\n').length - 1 };
}

function namesIn(path: string, head: Buffer, delimiter: string): readonly string[] {
  if (!isUtf8(head)) throw new DatasetError(path, 'the names of columns are not UTF-8.', { line: 1 });
  try {
    return parse(head, { ...OPTIONS, delimiter })[0] ?? [];
  } catch (cause) {
    const reason = cause instanceof Error ? problemOf(cause) : String(cause);
    throw new DatasetError(path, `expected names of columns: ${reason}.`, { line: 1, cause });
  }
}

/** What the parser says, without the line, which it counts from where it began. */
const problemOf = ({ message }: Error): string => message.replaceAll(/ (?:at|on) line \d+/g, '').replace(/\.$/, '');

/** Behind the first record, blank lines before it included. */
function endOfFirst(bytes: Buffer, isEnd: IsEnd): number {
  for (let at = 0; at < bytes.length; at++) {
    if (isEnd(bytes[at]!) && bytes.toString('utf8', 0, at).trim() !== '') return at + 1; // within the block
  }
  return bytes.length;
}

/** What the parser found, with `raw`. */
interface RawRecord {
  readonly record: Readonly<Record<string, string>>;
  /** As it stands in the file, with what is left of the line end before it. */
  readonly raw: string;
}

interface Rows extends Pick<TextBlock, 'bytes' | 'firstLine'> {
  readonly columns: readonly string[];
  readonly delimiter: string;
}

function rowsIn(path: string, { bytes, firstLine, columns, delimiter }: Rows): FoundRecord[] {
  const found: FoundRecord[] = [];
  const isReadable = isUtf8(bytes);
  const add = ({ record, raw }: RawRecord, { lines }: { readonly lines: number }): null => {
    const line = beginOf(raw, lines);
    // What the parser puts in the place of bytes that are no characters.
    const isBroken = !isReadable && raw.includes('\ufffd');
    const error = isBroken && new DatasetError(path, 'the record is not UTF-8.', { line });
    found.push(error ? { error } : { path, line, value: record });
    return null;
  };
  const beginOf = (raw: string, lines: number): number => firstLine + lines - raw.trim().split('\n').length;
  parse(bytes, {
    ...OPTIONS,
    delimiter,
    raw: true,
    columns: [...columns],
    skip_records_with_error: true,
    on_record: add as never, // its types do not know of `raw`
    on_skip: (error, raw = '') => {
      const lines = typeof error?.['lines'] === 'number' ? error['lines'] : 1;
      const message = error === undefined ? 'the record cannot be read' : problemOf(error);
      found.push({ error: new DatasetError(path, `${message}.`, { line: beginOf(raw, lines), cause: error }) });
    },
  });
  return found;
}
