import { deserialize, serialize } from 'node:v8';
import { type DType, isDType, type Tensor } from '@forge/tensor';
import { ObjectError } from './errors.ts';

/** A value that is no tensor, as it is stored: plain data, nested as wanted. */
export type PlainData =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Date
  | ArrayBuffer
  | ArrayBufferView
  | readonly PlainData[]
  | ReadonlyMap<PlainData, PlainData>
  | ReadonlySet<PlainData>
  | { readonly [name: string]: PlainData };

/** Objects lie with the metadata, in the memory of one process; what is larger belongs into a tensor. */
const maxObjectBytes = 2 ** 20;
const maxDepth = 500;

/** Whether a value from outside is a tensor. */
export function isTensor(value: unknown): value is Tensor {
  if (typeof value !== 'object' || value === null || !('dtype' in value) || !('data' in value)) return false;
  return typeof value.dtype === 'string' && isDType(value.dtype as DType) && ArrayBuffer.isView(value.data);
}

/** A copy of plain data as bytes. @throws {ObjectError} when it is not plain, nested too deep or too large. */
export function encodeObject(key: string, value: PlainData): Uint8Array {
  checkPlain(key, value, '');
  const bytes = serialize(value);
  if (bytes.length > maxObjectBytes)
    throw new ObjectError(
      key,
      '',
      `it has ${bytes.length} bytes, more than the ${maxObjectBytes} of an object; put a tensor`,
    );
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length).slice(); // a Buffer shares its memory with others
}

/** The value that was stored, equal and never the same. */
export function decodeObject(bytes: Uint8Array): PlainData {
  return deserialize(bytes) as PlainData; // encodeObject wrote it
}

function checkPlain(key: string, value: unknown, path: string, depth = 0): void {
  if (typeof value === 'function' || typeof value === 'symbol')
    throw new ObjectError(key, path, `a ${typeof value} is not data`);
  if (typeof value !== 'object' || value === null) return;
  if (depth > maxDepth)
    throw new ObjectError(key, path.slice(0, 40), `it is nested deeper than ${maxDepth}, or a cycle`);
  const check = (item: unknown, at: string) => checkPlain(key, item, path + at, depth + 1);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Date) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) check(item, `[${index}]`);
  } else if (value instanceof Map) {
    for (const [name, item] of value) {
      check(name, '.keys()');
      check(item, `.get(${String(name)})`);
    }
  } else if (value instanceof Set) {
    for (const item of value) check(item, '.values()');
  } else {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null)
      throw new ObjectError(key, path, `a ${value.constructor?.name ?? 'class instance'} is not plain data`);
    for (const [name, item] of Object.entries(value)) check(item, `.${name}`);
  }
}
