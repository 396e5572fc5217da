import { DecodeError } from '../errors.ts';
import { NamedExtent } from '../mesh/extent.ts';
import { Values } from '../mesh/value-mesh.ts';
import { type ErrorData, errorFromData } from './error-data.ts';
import type { Lowered } from './lower.ts';
import { elementBytes, VIEWS } from './views.ts';

/** Makes what a reference of `kind` stands for. @throws {DecodeError} when there is no such kind. */
export type Revive = (kind: string, data: unknown) => unknown;

/** The inverse of `lower`. Views share the memory of their buffer where it is aligned for them. */
export function raise({ value, patches, buffers }: Lowered, revive: Revive): unknown {
  const root: unknown[] = [value];
  for (const [path, kind] of patches) {
    let holder: object = root;
    let key: string | number = 0;
    for (const next of path) {
      const inner: unknown = Object.hasOwn(holder, key) ? Reflect.get(holder, key) : undefined;
      if (typeof inner !== 'object' || inner === null) throw new DecodeError(`nothing stands at ${path.join('.')}.`);
      holder = inner;
      key = next;
    }
    if (!Object.hasOwn(holder, key)) throw new DecodeError(`nothing stands at ${path.join('.')}.`);
    const plain: unknown = Reflect.get(holder, key);
    Reflect.set(holder, key, build(kind, plain, buffers, revive));
  }
  return root[0];
}

type Build = (plain: unknown) => unknown;

const BUILDS: Readonly<Record<string, Build>> = {
  '-0': () => -0,
  utf16: (units) => list(units).reduce<string>((text, unit) => text + String.fromCharCode(Number(unit)), ''),
  bigint: (digits) => {
    const text = String(digits);
    // Other texts are slow to read when they are long.
    if (!/^-?0x[\da-f]+$/.test(text)) throw new DecodeError('a bigint is damaged.');
    return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
  },
  object: (entries) => {
    const object = {};
    const visible = { enumerable: true, writable: true, configurable: true };
    for (const [key, value] of list(entries).map(pair)) {
      Object.defineProperty(object, String(key), { ...visible, value });
    }
    return object;
  },
  Map: (entries) => new Map(list(entries).map(pair)),
  Set: (items) => new Set(list(items)),
  Date: (time) => new Date(Number(time)),
  // `list` made sure of the array; NamedExtent checks the sizes.
  Extent: (parts) => new NamedExtent(list(list(parts)[0]) as string[], list(list(parts)[1]) as number[]),
  Point: (parts) => {
    const [rank, extent] = list(parts);
    if (!(extent instanceof NamedExtent)) throw new DecodeError('a point has no extent.');
    return extent.point(Number(rank));
  },
  ValueMesh: (parts) => {
    const [extent, values] = list(parts);
    if (!(extent instanceof NamedExtent)) throw new DecodeError('a mesh of values has no extent.');
    return new Values(extent, list(values));
  },
  Error: (data) => errorFromData(errorData(data)),
};

function build(kind: string, plain: unknown, buffers: readonly Uint8Array[], revive: Revive): unknown {
  if (kind === 'ArrayBuffer' || VIEWS.has(kind)) return view(kind, buffers[Number(plain)]);
  const known = Object.hasOwn(BUILDS, kind) ? BUILDS[kind] : undefined;
  return known === undefined ? revive(kind, plain) : known(plain);
}

function view(kind: string, bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined) throw new DecodeError('a buffer is missing.');
  const unit = elementBytes(kind);
  if (bytes.byteLength % unit !== 0)
    throw new DecodeError(`${bytes.byteLength} bytes are not whole elements of ${kind}.`);
  const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  const aligned = kind === 'ArrayBuffer' ? whole : bytes.byteOffset % unit === 0;
  const placed = aligned ? bytes : bytes.slice();
  // `lower` refuses shared memory, and received frames never are.
  const memory = placed.buffer as ArrayBuffer;
  if (kind === 'ArrayBuffer') return memory;
  return new (VIEWS.get(kind)!)(memory, placed.byteOffset, placed.byteLength / unit);
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new DecodeError('a list was expected.');
  return value;
}

function pair(value: unknown): [unknown, unknown] {
  const [first, second] = list(value);
  return [first, second];
}

function errorData(value: unknown): ErrorData {
  // The only sender of this kind is `errorToData`; what is missing reads as undefined, and only the fields must be an object.
  const data = value as ErrorData;
  if (typeof data !== 'object' || data === null || typeof data.fields !== 'object' || data.fields === null) {
    throw new DecodeError('an error has no fields.');
  }
  return data;
}
