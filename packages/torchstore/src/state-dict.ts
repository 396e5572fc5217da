import type { Tensor } from '@forge/tensor';
import { StateDictError } from './errors.ts';
import { isTensor, type PlainData } from './object-value.ts';
import type { ShardedTensor } from './sharded-tensor.ts';

/** A value that is stored beside the tensors, as it is. */
export type Scalar = number | bigint | string | boolean | null;

/** Names, nested as deep as wanted, to tensors, pieces of tensors and plain values. */
export interface StateDict {
  readonly [name: string]: StateDictItem;
}

/** What a state dict may hold. */
export type StateDictItem = Tensor | ShardedTensor | Scalar | StateDict | readonly StateDictItem[];

/** What a state dict looks like when it comes back: tensors are whole unless a layout was asked for. */
export interface LoadedStateDict {
  [name: string]: LoadedItem;
}

/** What a loaded state dict may hold. */
export type LoadedItem = Tensor | PlainData | LoadedStateDict | LoadedItem[];

/** The shape of a state dict as plain data: where its tensors are stored, and its scalars. */
export type Structure =
  | { readonly kind: 'tensor'; readonly key: string }
  | { readonly kind: 'object'; readonly key: string }
  | { readonly kind: 'scalar'; readonly value: Scalar }
  | { readonly kind: 'list'; readonly items: readonly Structure[] }
  | { readonly kind: 'dict'; readonly entries: readonly (readonly [name: string, item: Structure])[] };

/** A state dict taken apart: tensors by key, and the structure that puts them back. */
export interface FlatStateDict {
  readonly tensors: ReadonlyMap<string, Tensor | ShardedTensor>;
  readonly structure: Structure;
}

function isPiece(value: object): value is ShardedTensor {
  return 'local' in value && 'globalShape' in value && ('layout' in value || 'region' in value);
}

/**
 * Takes a state dict apart; the name of a tensor is the path to it joined by dots, list items by their index. Fields that
 * are undefined do not exist.
 * @throws {StateDictError} when two tensors get the same key or a value can not be stored.
 */
export function flattenStateDict(prefix: string, stateDict: StateDict): FlatStateDict {
  const tensors = new Map<string, Tensor | ShardedTensor>();
  const flatten = (key: string, value: StateDictItem): Structure => {
    if (typeof value === 'function' || typeof value === 'symbol' || value === undefined) {
      throw new StateDictError(key, `a ${typeof value} is not data`);
    }
    if (typeof value !== 'object' || value === null) return { kind: 'scalar', value };
    if (isTensor(value) || isPiece(value)) {
      if (tensors.has(key))
        throw new StateDictError(key, 'two tensors have this name once their paths are joined by dots');
      tensors.set(key, value);
      return { kind: 'tensor', key };
    }
    if (Array.isArray(value))
      return { kind: 'list', items: value.map((item, index) => flatten(`${key}.${index}`, item)) };
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      throw new StateDictError(key, `a ${value.constructor.name} is neither a tensor nor a plain object`);
    }
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return { kind: 'dict', entries: entries.map(([name, item]) => [name, flatten(`${key}.${name}`, item)] as const) };
  };
  return { structure: flatten(prefix, stateDict), tensors };
}

/** Every key at which a structure expects a tensor or an object. */
export function* storedKeys(structure: Structure): Generator<string> {
  if (structure.kind === 'tensor' || structure.kind === 'object') yield structure.key;
  else if (structure.kind === 'list') for (const item of structure.items) yield* storedKeys(item);
  else if (structure.kind === 'dict') for (const [, item] of structure.entries) yield* storedKeys(item);
}

/** Puts a state dict back together from its structure and what its keys hold. */
export function restoreStateDict(structure: Structure, valueAt: (key: string) => LoadedItem): LoadedItem {
  switch (structure.kind) {
    case 'tensor':
    case 'object':
      return valueAt(structure.key);
    case 'scalar':
      return structure.value;
    case 'list':
      return structure.items.map((item) => restoreStateDict(item, valueAt));
    case 'dict':
      // fromEntries defines own properties, so a name like '__proto__' stays a name.
      return Object.fromEntries(structure.entries.map(([name, item]) => [name, restoreStateDict(item, valueAt)]));
  }
}

/** The structure that holds what either of two ranks put; where both have something else, the first one's counts. */
export function mergeStructures(first: Structure, second: Structure): Structure {
  if (first.kind === 'dict' && second.kind === 'dict') {
    const entries = new Map(first.entries);
    for (const [name, item] of second.entries) {
      const present = entries.get(name);
      entries.set(name, present === undefined ? item : mergeStructures(present, item));
    }
    return { kind: 'dict', entries: [...entries] };
  }
  if (first.kind === 'list' && second.kind === 'list') {
    const longer = first.items.length >= second.items.length ? first.items : second.items;
    const items = longer.map((item, index) => {
      const one = first.items[index];
      const other = second.items[index];
      return one === undefined || other === undefined ? item : mergeStructures(one, other);
    });
    return { kind: 'list', items };
  }
  return first;
}
