import { open, rename, rm } from 'node:fs/promises';
import {
  bytesOf,
  bytesPerElement,
  cast,
  type DType,
  elementCount,
  type Shape,
  type Tensor,
  type TypedArray,
} from '@forge/tensor';
import { DTYPE_NAMES } from './header.ts';
import { PieceWriter, type WrittenFile } from './piece-writer.ts';

/** How tensors are written. */
export interface WriteOptions {
  /** Converts each tensor while it is written. @default the dtype of the tensor */
  readonly dtype?: DType;
  /** Strings for the header. @default `{ format: 'pt' }`, which transformers looks for */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A tensor that is handed over a piece at a time, such as one that changes before all of it is written. */
export interface TensorPieces {
  readonly dtype: DType;
  readonly shape: Shape;
  /** Its elements in order. A piece is done with when the one after the next is asked for. */
  pieces(): Iterable<TypedArray>;
}

/** Small enough that to copy, convert and sum a piece holds nobody up. */
const PIECE_BYTES = 1 << 22;

/**
 * Writes tensors to one safetensors file; equal tensors give equal bytes, whatever their order. The file appears under
 * its name only when it is complete.
 *
 * Source: safetensors `tensor.rs`, `prepare`: wider dtypes first, then by name; the header padded to eight bytes.
 */
export async function writeSafetensors(
  file: string,
  tensors: Readonly<Record<string, Tensor | TensorPieces>>,
  options: WriteOptions = {},
): Promise<WrittenFile> {
  const { ordered, header } = layOutFile(tensors, options);
  const unfinished = `${file}.partial`;
  let written: WrittenFile;
  try {
    await using handle = await open(unfinished, 'w');
    const writer = new PieceWriter(handle);
    await writer.write(header);
    for (const { tensor, dtype } of ordered) for (const piece of piecesAs(tensor, dtype)) await writer.write(piece);
    written = await writer.finish();
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
  await rename(unfinished, file);
  return written;
}

/** The order in which tensors are written, the bytes before them, and how many there are after these. */
export function layOutFile<Laid extends Pick<Tensor, 'dtype' | 'shape'>>(
  tensors: Readonly<Record<string, Laid>>,
  { dtype: wanted, metadata = { format: 'pt' } }: WriteOptions,
) {
  const ordered = Object.entries(tensors)
    .map(([name, tensor]) => ({ name, tensor, dtype: wanted ?? tensor.dtype }))
    .toSorted((a, b) => bytesPerElement(b.dtype) - bytesPerElement(a.dtype) || (a.name < b.name ? -1 : 1));
  let end = 0;
  const header: Record<string, unknown> = { __metadata__: metadata };
  for (const { name, tensor, dtype } of ordered) {
    const begin = end;
    end += elementCount(tensor.shape) * bytesPerElement(dtype);
    header[name] = { dtype: DTYPE_NAMES[dtype], shape: tensor.shape, data_offsets: [begin, end] };
  }
  return { ordered, header: encodeHeader(header), dataBytes: end };
}

/** The bytes of a tensor in some dtype. */
function* piecesAs(tensor: Tensor | TensorPieces, dtype: DType): Iterable<Uint8Array> {
  for (const data of 'pieces' in tensor ? tensor.pieces() : piecesOf(tensor)) {
    // A piece is an array of the dtype that it is a piece of.
    const piece = { dtype: tensor.dtype, shape: [data.length], data } as Tensor;
    yield bytesOf(dtype === tensor.dtype ? piece : cast(piece, dtype));
  }
}

function* piecesOf({ data }: Tensor): Iterable<TypedArray> {
  const step = PIECE_BYTES / data.BYTES_PER_ELEMENT;
  for (let start = 0; start < data.length; start += step) yield data.subarray(start, start + step);
}

/** Eight bytes of length, then JSON padded with spaces so that the tensors are aligned. */
function encodeHeader(header: Readonly<Record<string, unknown>>): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20, 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}
