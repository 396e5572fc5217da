import type { Tensor } from '@forge/tensor';
import { SafetensorsError } from '../errors.ts';
import type { SafetensorsHeader, TensorEntry } from './header.ts';

/** Some rows of a tensor, that is of its first axis. */
export interface TensorRows {
  /** Of the tensor. */
  readonly name: string;
  readonly firstRow: number;
  readonly rows: Tensor;
}

/** The entry of the tensor that rows are of. @throws {SafetensorsError} when it has no such rows */
export function entryOfRows(
  { file, entries }: Pick<SafetensorsHeader, 'entries'> & { readonly file: string },
  wanted: TensorRows,
): TensorEntry {
  const { name, firstRow, rows } = wanted;
  const entry = entries.get(name);
  if (entry === undefined)
    throw new SafetensorsError({ file, tensor: name, expected: 'to be in the file', got: 'no such tensor' });
  const [numRows = 1, ...ofRow] = entry.shape;
  const end = firstRow + (rows.shape[0] ?? 1);
  if (end <= numRows && ofRow.join() === rows.shape.slice(1).join()) return entry;
  const expected = `rows ${firstRow} to ${end} of [${rows.shape.slice(1).join(', ')}]`;
  throw new SafetensorsError({ file, tensor: name, expected, got: `shape [${entry.shape.join(', ')}]` });
}
