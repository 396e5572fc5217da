import { type FileHandle, open } from 'node:fs/promises';
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { DatasetError } from '../errors.ts';
import type { Block, FoundRecord, ReadBlock, RecordFile } from './record.ts';
import type { FindEnds, TextProblem } from './record-ends.ts';
import { type TextBlock, textBlocksIn } from './text-blocks.ts';

/** Read at once; blocks are about as large. Small enough to shuffle well, large enough that calls cost nothing. */
const BLOCK_BYTES = 128 * 1024;

/** A record that is longer is broken: no prompt is, and a file without line ends should not fill the memory. */
const MAX_RECORD_BYTES = 16 * 1024 * 1024;

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

const DECOMPRESSORS: readonly (readonly [ending: string, create: () => Transform])[] = [
  ['.gz', createGunzip],
  ['.zst', createZstdDecompress],
];

/** What goes through a text once. */
export interface TextScan {
  /** Where records end. */
  readonly findEnds: FindEnds;
  /** Why the text is no whole one when it ends here: no matter of a single record. */
  readonly atEnd?: () => TextProblem | undefined;
}

/** How a text is cut into records. */
export interface TextFormat {
  /** Begins at the beginning of a file. */
  readonly scan: () => TextScan;
  /** What a record is called, such as `line`. */
  readonly record: string;
  /** Those of a block, without the byte order mark of a file. */
  readonly recordsIn: (block: TextBlock) => readonly FoundRecord[];
}

/** A text file that is open. */
export interface TextFile extends AsyncDisposable {
  readonly path: string;
  readonly isSeekable: boolean;
  /** All of it, decompressed. @throws {DatasetError} when it is damaged */
  chunks(): AsyncGenerator<Buffer>;
  /** @throws {DatasetError} when it is shorter than it was. */
  read(block: Pick<Block, 'start' | 'length'>): Promise<Buffer>;
}

/**
 * Opens a text; `.gz` and `.zst` are decompressed on the way, and can only be read from the beginning.
 *
 * @throws {DatasetError} when it cannot be read.
 */
export async function openText(path: string): Promise<TextFile> {
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(path, cause);
  });
  const decompressor = DECOMPRESSORS.find(([ending]) => path.endsWith(ending))?.[1];
  return {
    path,
    isSeekable: decompressor === undefined,
    chunks: () => (decompressor === undefined ? bytesOf(file, path) : decompressed(file, path, decompressor())),
    async read({ start, length }) {
      const bytes = Buffer.allocUnsafe(length);
      const { bytesRead } = await file.read(bytes, 0, length, start);
      if (bytesRead < length) throw new DatasetError(path, `it is shorter than it was: ${start + bytesRead} bytes.`);
      return bytes;
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** The records of a text file, block by block. */
export function textRecords(text: TextFile, { scan, record, recordsIn }: TextFormat): RecordFile {
  const { path, isSeekable } = text;
  const read = (block: TextBlock): readonly FoundRecord[] => {
    const { byteLength, firstLine, isTooLong } = block;
    if (isTooLong) {
      const problem = `the ${record} has ${byteLength} bytes; at most ${MAX_RECORD_BYTES} are read.`;
      return [{ error: new DatasetError(path, problem, { line: firstLine }) }];
    }
    return recordsIn(withoutMark(block));
  };
  return {
    path,
    isSeekable,
    async *blocks(): AsyncGenerator<ReadBlock> {
      const { findEnds, atEnd } = scan();
      for await (const block of blocksOf(text, findEnds)) {
        const { offset: start, byteLength: length, firstLine: first } = block;
        yield { block: { start, length, first }, records: read(block) };
      }
      const broken = atEnd?.();
      if (broken === undefined) return;
      throw new DatasetError(path, broken.problem, broken);
    },
    async read({ start, length, first }: Block) {
      const bytes = await text.read({ start, length });
      return read({ offset: start, byteLength: length, firstLine: first, bytes, isTooLong: false });
    },
    [Symbol.asyncDispose]: () => text[Symbol.asyncDispose](),
  };
}

/** A block without the byte order mark that a file may begin with. */
export function withoutMark(block: TextBlock): TextBlock {
  const hasMark = block.offset === 0 && block.bytes.subarray(0, 3).equals(BYTE_ORDER_MARK);
  return hasMark ? { ...block, bytes: block.bytes.subarray(3) } : block;
}

/** The blocks of a text. */
export const blocksOf = (text: TextFile, findEnds: FindEnds): AsyncGenerator<TextBlock> =>
  textBlocksIn(text.chunks(), { maxBytes: MAX_RECORD_BYTES, findEnds });
async function* bytesOf(file: FileHandle, path: string): AsyncGenerator<Buffer> {
  for (let position = 0; ; ) {
    const buffer = Buffer.allocUnsafe(BLOCK_BYTES);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position).catch((cause) => {
      throw unreadable(path, cause);
    });
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

async function* decompressed(file: FileHandle, path: string, decompressor: Transform): AsyncGenerator<Buffer> {
  const ended = pipeline(bytesOf(file, path), decompressor);
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

const unreadable = (path: string, cause: NodeJS.ErrnoException): DatasetError =>
  new DatasetError(path, `the file cannot be read (${cause.code}).`, { cause });
