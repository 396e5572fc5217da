import { isUtf8 } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { Json } from '@forge/environments';
import { DatasetError } from '../errors.ts';
import { type LineBlock, linesIn } from './lines.ts';
import type { Block, FoundRecord, ReadBlock, RecordFile } from './record.ts';

/** Read at once; blocks are about as large. Small enough to shuffle well, large enough that calls cost nothing. */
const BLOCK_BYTES = 128 * 1024;

/** A record that is longer is broken: no prompt is, and a file without line ends should not fill the memory. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

const DECOMPRESSORS: readonly (readonly [ending: string, create: () => Transform])[] = [
  ['.gz', createGunzip],
  ['.zst', createZstdDecompress],
];

/**
 * Opens a file of JSON objects, one a line; `.gz` and `.zst` are decompressed on the way, and can only be read from the
 * beginning. Blank lines are passed over; of a key that stands twice in an object the last counts, as in every JSON parser.
 *
 * @throws {DatasetError} when it cannot be read.
 */
export async function openJsonl(path: string): Promise<RecordFile> {
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(path, cause);
  });
  const decompressor = DECOMPRESSORS.find(([ending]) => path.endsWith(ending))?.[1];
  return {
    path,
    isSeekable: decompressor === undefined,
    async *blocks(): AsyncGenerator<ReadBlock> {
      const chunks = decompressor === undefined ? bytesOf(file, path) : decompressed(file, path, decompressor());
      for await (const lines of linesIn(chunks, { maxLineBytes: MAX_LINE_BYTES })) {
        const { offset: start, byteLength: length, firstLine: first } = lines;
        yield { block: { start, length, first }, records: recordsIn(path, lines) };
      }
    },
    async read({ start, length, first }: Block) {
      const bytes = Buffer.allocUnsafe(length);
      const { bytesRead } = await file.read(bytes, 0, length, start);
      if (bytesRead < length) throw new DatasetError(path, `it is shorter than it was: ${start + bytesRead} bytes.`);
      return recordsIn(path, { offset: start, byteLength: length, firstLine: first, bytes, isTooLong: false });
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

async function* bytesOf(file: FileHandle, path: string): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position).catch((cause) => {
      throw unreadable(path, cause);
    });
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

async function* decompressed(file: FileHandle, path: string, decompressor: Transform): AsyncGenerator<Buffer> {
  const ended = pipeline(file.createReadStream({ autoClose: false, start: 0 }), decompressor);
  ended.catch(() => undefined); // what goes wrong arrives below
  try {
    for await (const chunk of decompressor) yield chunk;
    await ended;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new DatasetError(path, `it is damaged or cut off (${code ?? message}).`, { cause });
  } finally {
    decompressor.destroy();
  }
}

function recordsIn(path: string, { offset, byteLength, firstLine, bytes, isTooLong }: LineBlock): FoundRecord[] {
  if (isTooLong) {
    const problem = `the line has ${byteLength} bytes; at most ${MAX_LINE_BYTES} are read.`;
    return [{ error: new DatasetError(path, problem, { line: firstLine }) }];
  }
  const hasMark = offset === 0 && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK);
  const text = hasMark ? bytes.subarray(3) : bytes;
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

const unreadable = (path: string, cause: NodeJS.ErrnoException): DatasetError =>
  new DatasetError(path, `the file cannot be read (${cause.code}).`, { cause });
