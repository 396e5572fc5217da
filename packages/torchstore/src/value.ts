import type { Tensor } from '@forge/tensor';
import type { ObjectPart } from './batch.ts';
import { encodeObject, isTensor, type PlainData } from './object-value.ts';
import { isSharded, type Piece, pieceOf, type ShardedTensor } from './sharded-tensor.ts';

/** What a key may hold. */
export type StoredValue = Tensor | ShardedTensor | PlainData;

/** Values as they are stored. */
export interface Stored {
  readonly pieces: readonly Piece[];
  readonly objects: readonly ObjectPart[];
}

function isTensorValue(value: StoredValue): value is Tensor | ShardedTensor {
  if (isTensor(value)) return true;
  return typeof value === 'object' && value !== null && 'local' in value && isTensor(value.local);
}

/** Whether a value is a tensor that says which ranks hold it. */
export function isLaidOut(value: StoredValue): boolean {
  return isTensorValue(value) && isSharded(value) && 'layout' in value;
}

/**
 * Values as pieces and objects, all of them checked.
 * @throws {MismatchError} {LayoutError} {ObjectError} when one is not what it says, or no data.
 */
export function storedFrom(values: Iterable<readonly [key: string, value: StoredValue]>): Stored {
  const pieces: Piece[] = [];
  const objects: ObjectPart[] = [];
  for (const [key, value] of values) {
    if (isTensorValue(value)) pieces.push(pieceOf(key, value));
    else objects.push({ key, bytes: encodeObject(key, value) });
  }
  return { pieces, objects };
}
