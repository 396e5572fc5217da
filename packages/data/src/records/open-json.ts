import { isUtf8 } from 'node:buffer';
import type { Json } from '@forge/environments';
import { DatasetError } from '../errors.ts';
import { lineRecords } from './open-jsonl.ts';
import { openText, type TextFile, textRecords } from './open-text.ts';
import type { FoundRecord, RecordFile } from './record.ts';
import { endsBy, ListElements } from './record-ends.ts';
import type { TextBlock } from './text-blocks.ts';

/**
 * Opens a file of JSON objects: a list of them, however it is broken into lines, or one a line.
 *
 * @throws {DatasetError} when it cannot be read.
 */
export async function openJson(path: string): Promise<RecordFile> {
  const text = await openText(path);
  try {
    return (await isList(text)) ? listRecords(text) : lineRecords(text);
  } catch (error) {
    await text[Symbol.asyncDispose]();
    throw error;
  }
}

async function isList(text: TextFile): Promise<boolean> {
  for await (const chunk of text.chunks()) {
    const begin = chunk.toString('utf8').trimStart(); // a byte order mark is white space here
    if (begin !== '') return begin.startsWith('[');
  }
  return false;
}

const listRecords = (text: TextFile): RecordFile =>
  textRecords(text, {
    scan: () => {
      const elements = new ListElements();
      return { findEnds: endsBy(elements.isEnd), atEnd: () => elements.atEnd() };
    },
    record: 'element',
    recordsIn: (block) => elementsIn(text.path, block),
  });

function elementsIn(path: string, { offset, firstLine, bytes }: TextBlock): FoundRecord[] {
  const { isEnd } = new ListElements(offset === 0 ? 0 : 1);
  const found: FoundRecord[] = [];
  let line = firstLine;
  let start = 0;
  const take = (end: number, isWhole: boolean): void => {
    const raw = bytes.subarray(start, end);
    const text = raw.toString('utf8');
    const opening = offset === 0 && start === 0 ? /^\s*\[\s*/ : /^\s*/;
    const [leading = ''] = opening.exec(text) ?? [];
    const record = elementOf(text.slice(leading.length), { isUtf8: isUtf8(raw), isWhole });
    const place = { path, line: line + countLines(leading) };
    if (record !== undefined) found.push('value' in record ? { ...place, ...record } : brokenAt(place, record));
    line += countLines(text);
    start = end;
  };
  for (let at = 0; at < bytes.length; at++) if (isEnd(bytes[at]!)) take(at + 1, true); // within the block
  if (start < bytes.length) take(bytes.length, false);
  return found;
}

/** What stands up to a comma or to the bracket, or not up to either; nothing where there is nothing. */
function elementOf(
  text: string,
  { isUtf8, isWhole }: { readonly isUtf8: boolean; readonly isWhole: boolean },
):
  | { readonly value: Readonly<Record<string, Json>> }
  | { readonly problem: string; readonly cause?: unknown }
  | undefined {
  if (!isUtf8) return { problem: 'the element is not UTF-8.' };
  const whole = text.trimEnd();
  const content = isWhole ? whole.slice(0, -1).trimEnd() : whole;
  if (content === '' && !(isWhole && whole.endsWith(','))) return undefined;
  const shown = content.length > 60 ? `${content.slice(0, 60)}…` : content;
  if (!isWhole) return { problem: `neither , nor ] stands behind: ${shown}` };
  const problem = `expected a list of JSON objects, found: ${shown}`;
  try {
    const value: Json = JSON.parse(content);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { value: value as Readonly<Record<string, Json>> }; // an object that is no list
    }
    return { problem };
  } catch (cause) {
    return { problem, cause };
  }
}

interface Place {
  readonly path: string;
  readonly line: number;
}

const brokenAt = (
  { path, line }: Place,
  { problem, cause }: { readonly problem: string; readonly cause?: unknown },
) => ({
  error: new DatasetError(path, problem, { line, cause }),
});

const countLines = (text: string): number => text.split('\n').length - 1;
