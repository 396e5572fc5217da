import { OversizeError, pathText, UnsendableError } from '../errors.ts';
import { copyOf } from '../memory/fresh-bytes.ts';
import { NamedExtent, NamedPoint } from '../mesh/extent.ts';
import { Values } from '../mesh/value-mesh.ts';
import { errorToData } from './error-data.ts';
import { MAX_BUFFER_BYTES, MAX_BUFFERS, MAX_CAUSES, MAX_DEPTH, MAX_MESSAGE_BYTES, MAX_PACKED_BYTES } from './limits.ts';
import { referenceOf } from './referable.ts';
import { bytesOf, VIEWS } from './views.ts';

/**
 * What must be rebuilt at `path` after unpacking: the plain value found there becomes a `kind`.
 * Patches are listed inner before outer, so each finds its parts complete.
 */
export type Patch = readonly [path: readonly (string | number)[], kind: string];

/** A value made of what msgpack knows, with what it does not know beside it. */
export interface Lowered {
  readonly value: unknown;
  readonly patches: readonly Patch[];
  readonly buffers: readonly Uint8Array[];
}

// Registered: the object may come from a program that has another copy of this package.
/** An object with this key cannot be sent; its value says why, and what to do instead. */
export const unsendable: unique symbol = Symbol.for('@forge/monarch unsendable') as never;

/** How memory is taken over into a {@link Lowered}. */
export interface LowerOptions {
  /** Moved instead of copied. What cannot be moved, such as memory that arrived mapped, is copied after all. */
  readonly transfer?: readonly ArrayBuffer[];
  /** Copies bytes to where they are sent from; `undefined`: nothing special is known for them. @default copies them to the heap */
  readonly snapshot?: (bytes: Uint8Array) => Uint8Array | undefined;
}

/** Splits a value for the wire. @throws {UnsendableError | OversizeError} on what cannot cross, naming its path. */
export function lower(value: unknown, options: LowerOptions = {}): Lowered {
  if (isPlain(value, 0)) return { value, patches: NONE, buffers: NONE };
  const lowering = new Lowering(options);
  return { value: lowering.walk(value), patches: lowering.patches, buffers: lowering.finish() };
}

const NONE: readonly never[] = [];
/** What is nested deeper is looked at closely. */
const PLAIN_DEPTH = 16;

/** Whether msgpack knows all of it, as is the case with most values. */
function isPlain(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'number':
      return value !== 0 || Object.is(value, 0);
    case 'string':
      return value.isWellFormed();
    case 'boolean':
    case 'undefined':
      return true;
    case 'object': {
      if (value === null) return true;
      if (depth === PLAIN_DEPTH) return false;
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) if (!isPlain(value[i], depth + 1)) return false;
        return true;
      }
      const prototype = Object.getPrototypeOf(value);
      if ((prototype !== Object.prototype && prototype !== null) || unsendable in value) return false;
      for (const key of Object.keys(value)) {
        if (key === '__proto__' || !isPlain(Reflect.get(value, key), depth + 1)) return false;
      }
      return true;
    }
    default:
      return false;
  }
}

class Lowering {
  readonly patches: Patch[] = [];
  readonly #views: ArrayBufferView[] = [];
  readonly #path: (string | number)[] = [];
  readonly #options: LowerOptions;

  constructor(options: LowerOptions) {
    this.#options = options;
  }

  /** The same value when it is plain all through; a lowered copy otherwise. */
  walk(value: unknown): unknown {
    switch (typeof value) {
      case 'number':
        return Object.is(value, -0) ? this.#patched('-0', 0) : value;
      case 'string':
        return value.isWellFormed() ? value : this.#patched('utf16', codeUnits(value));
      case 'boolean':
      case 'undefined':
        return value;
      case 'bigint':
        return this.#patched('bigint', value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`);
      case 'object':
        if (value === null) return null;
        if (this.#path.length > MAX_DEPTH) throw this.#refuse(`it is nested deeper than ${MAX_DEPTH}, or a cycle.`);
        if (Array.isArray(value)) return this.#array(value);
        return this.#object(value);
      default:
        throw this.#refuse(`it is a ${typeof value}. Only data crosses between processes.`);
    }
  }

  /** Takes the bytes of every view met, after the whole value proved sendable: a refused call detaches nothing. */
  finish(): Uint8Array[] {
    if (this.#views.length === 0) return [];
    const totalBytes = this.#views.reduce((sum, { byteLength }) => sum + byteLength, 0);
    // The rest of a message is small.
    if (totalBytes > MAX_MESSAGE_BYTES - MAX_PACKED_BYTES) {
      throw new OversizeError('the top', totalBytes, MAX_MESSAGE_BYTES - MAX_PACKED_BYTES);
    }
    const { transfer = [], snapshot } = this.#options;
    const moved = new Map<ArrayBufferLike, ArrayBuffer>();
    const ranges = this.#views.map((view) => [view.buffer, view.byteOffset, view.byteLength] as const);
    for (const buffer of transfer) if (ranges.some(([used]) => used === buffer)) move(buffer, moved);
    return ranges.map(([buffer, offset, length]) => {
      const target = moved.get(buffer);
      if (target !== undefined) return new Uint8Array(target, offset, length);
      const bytes = new Uint8Array(buffer, offset, length);
      return snapshot?.(bytes) ?? copyOf(bytes);
    });
  }

  #array(array: readonly unknown[]): unknown {
    let copy: unknown[] | undefined;
    const depth = this.#path.length;
    for (let i = 0; i < array.length; i++) {
      const item = array[i];
      if (typeof item === 'number' && item !== 0) continue;
      this.#path[depth] = i;
      const lowered = this.walk(item);
      if (lowered !== item || Object.is(item, -0)) {
        copy ??= array.slice();
        copy[i] = lowered;
      }
    }
    this.#path.length = depth;
    return copy ?? array;
  }

  #object(value: object): unknown {
    const why: unknown = Reflect.get(value, unsendable);
    if (typeof why === 'string') throw this.#refuse(why);
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) return this.#special(value);
    // msgpack readers rename this key; as a list of entries it survives.
    if (Object.hasOwn(value, '__proto__')) return this.#built('object', Object.entries(value));
    return this.#fields(value);
  }

  #fields(value: object): unknown {
    let copy: Record<string, unknown> | undefined;
    const depth = this.#path.length;
    for (const key of Object.keys(value)) {
      const item: unknown = Reflect.get(value, key);
      this.#path[depth] = key;
      const lowered = this.walk(item);
      if (lowered !== item || Object.is(item, -0)) {
        copy ??= { ...value };
        copy[key] = lowered;
      }
    }
    this.#path.length = depth;
    return copy ?? value;
  }

  #special(value: object): unknown {
    const reference = referenceOf(value);
    if (reference !== undefined) return this.#built(reference.kind, reference.data);
    if (ArrayBuffer.isView(value)) return this.#buffer(viewName(value), value);
    if (value instanceof ArrayBuffer) return this.#buffer('ArrayBuffer', new Uint8Array(value));
    if (value instanceof Map) return this.#built('Map', [...value]);
    if (value instanceof Set) return this.#built('Set', [...value]);
    if (value instanceof Date) return this.#patched('Date', value.getTime());
    if (value instanceof NamedPoint) return this.#built('Point', [value.rank, value.extent]);
    if (value instanceof NamedExtent) return this.#built('Extent', [value.labels, value.sizes]);
    if (value instanceof Values) return this.#built('ValueMesh', [value.extent, value.toArray()]);
    if (value instanceof Error) return this.#error(value);
    if (value instanceof Promise) {
      throw this.#refuse(
        'it is a promise. Await it first: only that of a mesh that is being spawned travels as it is.',
      );
    }
    const name = value.constructor?.name || 'without a name';
    throw this.#refuse(`it is an instance of class ${name}. Send its data as a plain object.`);
  }

  #error(error: Error): unknown {
    const causes = this.#path.filter((key) => key === 'cause').length;
    const sendable = (field: unknown) => {
      if (field instanceof Error) return causes < MAX_CAUSES;
      try {
        const inner = new Lowering({});
        // As deep as it is going to stand.
        inner.#path.push(...this.#path, 'fields', '');
        inner.walk(field);
        return true;
      } catch {
        return false; // A field that cannot cross is replaced by its printed form: the error itself must arrive.
      }
    };
    return this.#built('Error', errorToData(error, sendable));
  }

  #buffer(kind: string, view: ArrayBufferView): unknown {
    if (!(view.buffer instanceof ArrayBuffer)) throw this.#refuse('its memory is shared. Send a copy.');
    if (view.byteLength > MAX_BUFFER_BYTES) throw new OversizeError(this.#where(), view.byteLength, MAX_BUFFER_BYTES);
    if (this.#views.length >= MAX_BUFFERS) throw this.#refuse(`there are more than ${MAX_BUFFERS} buffers.`);
    this.#views.push(bytesOf(view));
    return this.#patched(kind, this.#views.length - 1);
  }

  #built(kind: string, parts: unknown): unknown {
    return this.#patched(kind, Array.isArray(parts) ? this.#array(parts) : this.#fields(parts as object));
  }

  #patched(kind: string, plain: unknown): unknown {
    this.patches.push([this.#path.slice(), kind]);
    return plain;
  }

  #refuse(problem: string): UnsendableError {
    return new UnsendableError(this.#where(), problem);
  }

  #where(): string {
    const path = pathText(this.#path);
    return path === '' ? 'the top' : path;
  }
}

function move(buffer: ArrayBuffer, moved: Map<ArrayBufferLike, ArrayBuffer>): void {
  try {
    moved.set(buffer, buffer.transfer());
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // Mapped memory stays where it is.
  }
}

function viewName(view: ArrayBufferView): string {
  // The tag, not the constructor: a Buffer is a Uint8Array to whom it arrives.
  const name = Object.prototype.toString.call(view).slice(8, -1);
  return VIEWS.has(name) ? name : 'Uint8Array';
}

function codeUnits(text: string): number[] {
  return Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}
