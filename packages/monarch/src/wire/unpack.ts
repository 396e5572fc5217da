import { DecodeError } from '../errors.ts';
import { MAX_DEPTH } from './limits.ts';
import { bufferOf, textOf } from './views.ts';

/** A packed value stands in a list, beside its patches; an error's fields stand below it. */
const DEPTH = MAX_DEPTH + 8;

/** Unpacks what `pack` packs, and nothing else: no extension, no key that means something. @throws {DecodeError} */
export function unpack(bytes: Uint8Array): unknown {
  const unpacking = new Unpacking(bufferOf(bytes));
  const value = unpacking.value(0);
  unpacking.end();
  return value;
}

class Unpacking {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  value(depth: number): unknown {
    const start = this.#take(1);
    const bytes = this.#bytes;
    // `take` made sure of it.
    const kind = bytes[start]!;
    if (kind < 0x80) return kind;
    if (kind < 0x90) return this.#map(kind & 0x0f, depth);
    if (kind < 0xa0) return this.#array(kind & 0x0f, depth);
    if (kind < 0xc0) return this.#text(kind & 0x1f);
    if (kind >= 0xe0) return kind - 0x100;
    switch (kind) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return bytes.readFloatBE(this.#take(4));
      case 0xcb:
        return bytes.readDoubleBE(this.#take(8));
      case 0xcc:
        return bytes[this.#take(1)];
      case 0xcd:
        return bytes.readUInt16BE(this.#take(2));
      case 0xce:
        return bytes.readUInt32BE(this.#take(4));
      case 0xd0:
        return bytes.readInt8(this.#take(1));
      case 0xd1:
        return bytes.readInt16BE(this.#take(2));
      case 0xd2:
        return bytes.readInt32BE(this.#take(4));
      case 0xd4:
        return this.#undefined();
      case 0xd9:
        return this.#text(bytes.readUInt8(this.#take(1)));
      case 0xda:
        return this.#text(bytes.readUInt16BE(this.#take(2)));
      case 0xdb:
        return this.#text(bytes.readUInt32BE(this.#take(4)));
      case 0xdc:
        return this.#array(bytes.readUInt16BE(this.#take(2)), depth);
      case 0xdd:
        return this.#array(bytes.readUInt32BE(this.#take(4)), depth);
      case 0xde:
        return this.#map(bytes.readUInt16BE(this.#take(2)), depth);
      case 0xdf:
        return this.#map(bytes.readUInt32BE(this.#take(4)), depth);
      default:
        throw new DecodeError(`its bytes are damaged: ${kind} at ${start} is no kind of value.`);
    }
  }

  /** @throws {DecodeError} when bytes are left. */
  end(): void {
    const left = this.#bytes.length - this.#offset;
    if (left > 0) throw new DecodeError(`its bytes are damaged: ${left} are left over.`);
  }

  /** The place of the next `length` bytes, which are taken. */
  #take(length: number): number {
    const start = this.#offset;
    const left = this.#bytes.length - start;
    if (length > left) throw new DecodeError(`its bytes are damaged: ${length} are announced, and ${left} are left.`);
    this.#offset = start + length;
    return start;
  }

  /** The one extension: an `undefined`. */
  #undefined(): undefined {
    const start = this.#take(2);
    if (this.#bytes[start] !== 0 || this.#bytes[start + 1] !== 0) throw new DecodeError('it has an extension.');
  }

  #text(length: number): string {
    const start = this.#take(length);
    return textOf(this.#bytes, start, start + length);
  }

  #array(length: number, depth: number): unknown[] {
    this.#check(length, depth);
    const array: unknown[] = [];
    for (let i = 0; i < length; i++) array.push(this.value(depth + 1));
    return array;
  }

  #map(length: number, depth: number): object {
    this.#check(length * 2, depth);
    const object: Record<string, unknown> = {};
    for (let i = 0; i < length; i++) {
      const key = this.value(depth + 1);
      // Such an object is sent as a list of entries.
      if (typeof key !== 'string' || key === '__proto__') throw new DecodeError('it has a key that is none.');
      object[key] = this.value(depth + 1);
    }
    return object;
  }

  /** Every value has a byte at least: no more memory is taken than has come. */
  #check(values: number, depth: number): void {
    const left = this.#bytes.length - this.#offset;
    if (values > left) throw new DecodeError(`its bytes are damaged: ${values} values are announced in ${left} bytes.`);
    if (depth > DEPTH) throw new DecodeError(`it is nested deeper than ${MAX_DEPTH}.`);
  }
}
