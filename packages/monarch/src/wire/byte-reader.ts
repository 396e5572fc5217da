import { DecodeError } from '../errors.ts';
import { bufferOf } from './views.ts';

/** What the last byte counts of the largest integer that is safe. */
const MAX_UNIT = 2 ** 49;

/** Reads what a `ByteWriter` wrote. Every method throws a `DecodeError` where the bytes end too early. */
export class ByteReader {
  readonly #bytes: Buffer;
  #offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bufferOf(bytes);
    this.#offset = offset;
  }

  get isDone(): boolean {
    return this.#offset === this.#bytes.length;
  }

  u8(): number {
    // `advance` made sure of it.
    return this.#bytes[this.#advance(1)]!;
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#advance(4));
  }

  /** A number that counts something: whole, and not negative. */
  count(): number {
    let byte = this.u8();
    let value = 0;
    let unit = 1;
    while (byte > 0x7f) {
      value += (byte & 0x7f) * unit;
      unit *= 0x80;
      if (unit > MAX_UNIT) throw new DecodeError('a count is too long.');
      byte = this.u8();
    }
    value += byte * unit;
    if (value > Number.MAX_SAFE_INTEGER) throw new DecodeError(`a count is ${value}, too much.`);
    return value;
  }

  sized(): Uint8Array {
    return this.bytes(this.count());
  }

  /** A view on the bytes. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    // Not as a Buffer, whose slice() is a view: copies made from here on must be copies.
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + start, length);
  }

  /** A view on the bytes, as a Buffer. */
  view(length: number): Buffer {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  optionalText(): string | undefined {
    if (this.u8() === 0) return undefined;
    const length = this.count();
    const start = this.#advance(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  /** Sized bytes as a key: one character a byte. */
  key(): string {
    const length = this.count();
    const start = this.#advance(length);
    return this.#bytes.toString('latin1', start, start + length);
  }

  #advance(length: number): number {
    const start = this.#offset;
    if (length > this.#bytes.length - start) {
      throw new DecodeError(`${length} bytes are announced, and ${this.#bytes.length - start} are left.`);
    }
    this.#offset = start + length;
    return start;
  }
}
