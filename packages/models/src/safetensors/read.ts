import { type FileHandle, open } from 'node:fs/promises';
import {
  bytesOf,
  bytesPerElement,
  cast,
  type DType,
  elementCount,
  sameShape,
  type Tensor,
  tensor,
} from '@forge/tensor';
import { ModelFileError, SafetensorsError } from '../errors.ts';
import { MAX_HEADER_BYTES, parseHeader, type SafetensorsHeader, type TensorEntry } from './header.ts';
import { entryOfRows, type TensorRows } from './tensor-rows.ts';

/** How tensors are read. */
export interface ReadOptions {
  /** Converts each tensor while it is read. @default the dtype in the file */
  readonly dtype?: DType;
}

/** An open safetensors file: its table of contents, and tensors on request. */
export interface SafetensorsFile extends AsyncDisposable, SafetensorsHeader {
  readonly file: string;
  /** Reads one tensor. @throws {SafetensorsError} when the file has none of that name. */
  read<D extends DType>(name: string, options: { readonly dtype: D }): Promise<Tensor<D>>;
  read(name: string, options?: ReadOptions): Promise<Tensor>;
  /**
   * Reads one tensor into another's memory, converted to its dtype.
   *
   * @throws {SafetensorsError} when the file has none of that name and shape.
   */
  readInto(name: string, target: Tensor): Promise<void>;
  /** Reads some rows of one tensor into those given. @throws {SafetensorsError} when the file has no such rows. */
  readRows(wanted: TensorRows): Promise<void>;
}

/** Large enough that a read is one system call a tensor in small models, small enough to convert in the cache's reach. */
const CHUNK_BYTES = 1 << 22;

/**
 * Opens a safetensors file and reads its header; tensors are read by position when asked for, so a file larger than
 * memory can be opened.
 *
 * @throws {ModelFileError} when the file cannot be opened.
 * @throws {SafetensorsError} when it is not well-formed.
 */
export async function openSafetensors(file: string): Promise<SafetensorsFile> {
  const handle = await open(file, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw new ModelFileError({ file, expected: 'a safetensors file', got: cause.code ?? cause.message, cause });
  });
  try {
    const header = await readHeader(handle, file);
    const entryOf = (name: string): TensorEntry => {
      const entry = header.entries.get(name);
      if (entry !== undefined) return entry;
      throw new SafetensorsError({ file, tensor: name, expected: 'to be in the file', got: 'no such tensor' });
    };
    const read = async (name: string, { dtype }: ReadOptions = {}): Promise<Tensor> => {
      const entry = entryOf(name);
      const target = tensor(dtype ?? entry.dtype, entry.shape);
      await readTensor({ handle, file, name }, entry, target);
      return target;
    };
    const readInto = (name: string, target: Tensor): Promise<void> =>
      readTensor({ handle, file, name }, entryOf(name), target);
    const readRows = async (wanted: TensorRows): Promise<void> => {
      const { name, firstRow, rows } = wanted;
      const { dtype, byteOffset, byteLength } = entryOfRows({ file, entries: header.entries }, wanted);
      const rowBytes = elementCount(rows.shape.slice(1)) * bytesPerElement(dtype);
      const part = { dtype, shape: rows.shape, byteOffset: byteOffset + firstRow * rowBytes, byteLength };
      await readTensor({ handle, file, name }, part, rows);
    };
    return {
      ...header,
      file,
      readInto,
      readRows,
      read: read as SafetensorsFile['read'], // the result has the dtype that was asked for
      [Symbol.asyncDispose]: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Reads every tensor of a file into memory. @throws {SafetensorsError} {ModelFileError} as {@link openSafetensors} */
export async function readSafetensors(file: string, options: ReadOptions = {}): Promise<Record<string, Tensor>> {
  await using source = await openSafetensors(file);
  const tensors: [string, Tensor][] = [];
  for (const name of source.entries.keys()) tensors.push([name, await source.read(name, options)]);
  return Object.fromEntries(tensors);
}

async function readHeader(handle: FileHandle, file: string): Promise<SafetensorsHeader> {
  const { size: fileBytes } = await handle.stat();
  const prefix = new Uint8Array(8);
  await readFully({ handle, file }, prefix, 0);
  const headerBytes = new DataView(prefix.buffer).getBigUint64(0, true);
  if (headerBytes > BigInt(Math.min(MAX_HEADER_BYTES, fileBytes - 8))) {
    throw new SafetensorsError({
      file,
      expected: `a header of at most ${MAX_HEADER_BYTES} bytes inside a file of ${fileBytes}`,
      got: `a header of ${headerBytes} bytes`,
    });
  }
  const header = new Uint8Array(Number(headerBytes));
  await readFully({ handle, file }, header, 8);
  return parseHeader(header, file, fileBytes);
}

async function readTensor(source: TensorSource, entry: TensorEntry, target: Tensor): Promise<void> {
  if (!sameShape(entry.shape, target.shape)) {
    const [expected, got] = [target.shape, entry.shape].map((shape) => `shape [${shape.join(', ')}]`) as [
      string,
      string,
    ];
    throw new SafetensorsError({ file: source.file, tensor: source.name, expected, got });
  }
  if (target.dtype === entry.dtype) return readFully(source, bytesOf(target), entry.byteOffset);
  // Converted in pieces: the tensor is never in memory twice.
  const bytesEach = bytesPerElement(entry.dtype);
  const count = elementCount(entry.shape);
  const step = CHUNK_BYTES / bytesEach;
  for (let done = 0; done < count; done += step) {
    const piece = tensor(entry.dtype, [Math.min(step, count - done)]);
    await readFully(source, bytesOf(piece), entry.byteOffset + done * bytesEach);
    bytesOf(target).set(bytesOf(cast(piece, target.dtype)), done * bytesPerElement(target.dtype));
  }
}

interface Source {
  readonly handle: FileHandle;
  readonly file: string;
  readonly name?: string;
}

interface TensorSource extends Source {
  readonly name: string;
}

async function readFully({ handle, file, name }: Source, target: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const length = Math.min(target.length - done, CHUNK_BYTES);
    const { bytesRead } = await handle.read(target, done, length, position + done);
    if (bytesRead === 0) {
      throw new SafetensorsError({
        file,
        ...(name === undefined ? {} : { tensor: name }),
        expected: `${target.length} bytes from byte ${position} on`,
        got: `the end of the file after ${done}`,
      });
    }
    done += bytesRead;
  }
}
