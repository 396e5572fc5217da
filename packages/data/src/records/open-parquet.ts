import { type FileHandle, open } from 'node:fs/promises';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import type { Json } from '@forge/environments';
import type { AsyncBuffer, Compressors, FileMetaData } from 'hyparquet';
import { DatasetError } from '../errors.ts';
import type { Block, Fields, FoundRecord, ReadBlock, RecordFile } from './record.ts';

/**
 * Opens a Parquet file. Its blocks are the row groups that its writer made, so a block of one large group is large.
 * Whole numbers beyond 2^53 become texts, points in time ISO texts.
 *
 * @throws {DatasetError} when it cannot be read or is no Parquet file.
 */
export async function openParquet(path: string): Promise<RecordFile> {
  const { parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const native: Compressors = {
    ...compressors,
    GZIP: (input) => gunzipSync(input),
    BROTLI: (input) => brotliDecompressSync(input),
    ZSTD: (input) => zstdDecompressSync(input),
  };
  const handle = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw new DatasetError(path, `the file cannot be read (${cause.code}).`, { cause });
  });
  let file: AsyncBuffer;
  let metadata: FileMetaData;
  try {
    file = rangesOf(handle, (await handle.stat()).size);
    metadata = await parquetMetadataAsync(file);
  } catch (cause) {
    await handle.close();
    throw new DatasetError(path, `it is no Parquet file, or cut off (${(cause as Error).message}).`, { cause });
  }
  const read = async ({ start, length }: Block): Promise<readonly FoundRecord[]> => {
    const range = { rowStart: start, rowEnd: start + length };
    const rows = await parquetReadObjects({ file, metadata, compressors: native, ...range }).catch((cause: Error) => {
      throw new DatasetError(path, `rows ${start + 1} to ${start + length} cannot be read (${cause.message}).`, {
        row: start + 1,
        cause,
      });
    });
    return rows.map((row, index) => ({ path, row: start + index + 1, value: fieldsOf(row) }));
  };
  return {
    path,
    isSeekable: true,
    async *blocks(): AsyncGenerator<ReadBlock> {
      let start = 0;
      for (const { num_rows } of metadata.row_groups) {
        const length = Number(num_rows);
        const block = { start, length, first: start + 1 };
        yield { block, records: await read(block) };
        start += length;
      }
    },
    read,
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

function rangesOf(handle: FileHandle, byteLength: number): AsyncBuffer {
  return {
    byteLength,
    async slice(start, end = byteLength) {
      const bytes = new Uint8Array(Math.max(0, end - start));
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
      if (bytesRead < bytes.length) throw new RangeError(`the file ends at byte ${start + bytesRead}`);
      return bytes.buffer;
    },
  };
}

function fieldsOf(row: Readonly<Record<string, unknown>>): Fields {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, jsonOf(value)]));
}

/** What a table says, as JSON would say it. */
function jsonOf(value: unknown): Json {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(jsonOf);
  return fieldsOf(value as Record<string, unknown>); // a struct: nothing else is left
}
