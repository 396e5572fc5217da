import { isUtf8 } from 'node:buffer';
import type { Json } from '@forge/environments';
import { DatasetError } from '../errors.ts';
import { openText, type TextFile, textRecords } from './open-text.ts';
import type { FoundRecord, RecordFile } from './record.ts';
import { lineEnds } from './record-ends.ts';
import type { TextBlock } from './text-blocks.ts';

/**
 * Opens a file of JSON objects, one a line. Blank lines are passed over; of a key that stands twice in an object the last counts, as
 * in every JSON parser.
 *
 * @throws {DatasetError} when it cannot be read.
 */
export const openJsonl = async (path: string): Promise<RecordFile> => lineRecords(await openText(path));

/** The records of a text of JSON lines. */
export function lineRecords(text: TextFile): RecordFile {
  const recordsIn = (block: TextBlock) => linesIn(text.path, block);
  return textRecords(text, { scan: () => ({ findEnds: lineEnds }), record: 'line', recordsIn });
}

function linesIn(path: string, { firstLine, bytes: text }: TextBlock): FoundRecord[] {
  // As a whole where all is well; by lines where one of them is not.
  const lines = isUtf8(text) ? text.toString('utf8').split('\n') : linesOf(text);
  const records: FoundRecord[] = [];
  for (const [index, content] of lines.entries()) {
    if (typeof content === 'string' && content.trim() === '') continue;
    const line = firstLine + index;
    records.push(typeof content === 'string' ? parse(path, line, content) : notUtf8(path, line));
  }
  return records;
}

/** `undefined` for a line that is no UTF-8. */
function linesOf(bytes: Buffer): readonly (string | undefined)[] {
  const lines: (string | undefined)[] = [];
  for (let start = 0; start <= bytes.length; ) {
    const found = bytes.indexOf(10, start);
    const end = found < 0 ? bytes.length : found;
    const line = bytes.subarray(start, end);
    lines.push(isUtf8(line) ? line.toString('utf8') : undefined);
    start = end + 1;
  }
  return lines;
}

function parse(path: string, line: number, text: string): FoundRecord {
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return { error: notAnObject(path, line, text, cause) };
  }
  if (typeof value !== 'object' || value === null || isList(value)) {
    return { error: notAnObject(path, line, text) };
  }
  return { path, line, value };
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

function notAnObject(path: string, line: number, text: string, cause?: unknown): DatasetError {
  const start = text.length > 60 ? `${text.slice(0, 60)}…` : text.trimEnd();
  return new DatasetError(path, `expected one JSON object a line, found: ${start}`, { line, cause });
}

const notUtf8 = (path: string, line: number): FoundRecord => ({
  error: new DatasetError(path, 'the line is not UTF-8.', { line }),
});
