import { open } from 'node:fs/promises';
import { bytesOf, bytesPerElement, cast, elementCount, type Tensor } from '@forge/tensor';
import { openSafetensors } from './read.ts';
import { entryOfRows, type TensorRows } from './tensor-rows.ts';
import { layOutFile, type WriteOptions } from './write.ts';
import { writeFully } from './write-fully.ts';

/**
 * Makes a safetensors file of zeros, whose tensors several processes then write together, some rows each: with the bytes that
 * `writeSafetensors` would give it.
 */
export async function prepareSafetensors(
  file: string,
  tensors: Readonly<Record<string, Pick<Tensor, 'dtype' | 'shape'>>>,
  options: WriteOptions = {},
): Promise<void> {
  const { header, dataBytes } = layOutFile(tensors, options);
  await using handle = await open(file, 'w');
  await writeFully(handle, header);
  await handle.truncate(header.length + dataBytes);
  await handle.sync();
}

/**
 * Writes rows of tensors of a file where they belong, converted to its dtypes. The rest of the file is left as it is.
 *
 * @throws {SafetensorsError} when the file has no such rows.
 */
export async function writeSafetensorsRows(file: string, rows: readonly TensorRows[]): Promise<void> {
  await using laidOut = await openSafetensors(file);
  await using handle = await open(file, 'r+');
  for (const { name, firstRow, rows: given } of rows) {
    const { dtype, byteOffset } = entryOfRows(laidOut, { name, firstRow, rows: given });
    const rowBytes = elementCount(given.shape.slice(1)) * bytesPerElement(dtype);
    const bytes = bytesOf(dtype === given.dtype ? given : cast(given, dtype));
    await writeFully(handle, bytes, byteOffset + firstRow * rowBytes);
  }
  await handle.sync();
}
