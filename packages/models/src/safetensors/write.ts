import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { bytesOf, bytesPerElement, cast, type DType, elementCount, type Tensor } from '@forge/tensor';
import { DTYPE_NAMES } from './header.ts';

/** How tensors are written. */
export interface WriteOptions {
  /** Converts each tensor while it is written. @default the dtype of the tensor */
  readonly dtype?: DType;
  /** Strings for the header. @default `{ format: 'pt' }`, which transformers looks for */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Writes tensors to one safetensors file; equal tensors give equal bytes, whatever their order. The file appears under
 * its name only when it is complete.
 *
 * Source: safetensors `tensor.rs`, `prepare`: wider dtypes first, then by name; the header padded to eight bytes.
 */
export async function writeSafetensors(
  file: string,
  tensors: Readonly<Record<string, Tensor>>,
  { dtype, metadata = { format: 'pt' } }: WriteOptions = {},
): Promise<void> {
  const ordered = Object.entries(tensors)
    .map(([name, tensor]) => ({ name, tensor, dtype: dtype ?? tensor.dtype }))
    .toSorted((a, b) => bytesPerElement(b.dtype) - bytesPerElement(a.dtype) || (a.name < b.name ? -1 : 1));

  let end = 0;
  const header: Record<string, unknown> = { __metadata__: metadata };
  for (const { name, tensor, dtype } of ordered) {
    const begin = end;
    end += elementCount(tensor.shape) * bytesPerElement(dtype);
    header[name] = { dtype: DTYPE_NAMES[dtype], shape: tensor.shape, data_offsets: [begin, end] };
  }
  const unfinished = `${file}.partial`;
  try {
    await using handle = await open(unfinished, 'w');
    await writeFully(handle, encodeHeader(header));
    for (const { tensor, dtype } of ordered) {
      await writeFully(handle, bytesOf(dtype === tensor.dtype ? tensor : cast(tensor, dtype)));
    }
    await handle.sync();
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
  await rename(unfinished, file);
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

async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(bytes.length - done, 1 << 26));
    done += bytesWritten;
  }
}
