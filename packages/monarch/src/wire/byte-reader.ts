import { DecodeError } from '../errors.ts';
import { bufferOf, textOf } from './views.ts';

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
    return this.#bytes.readUInt8(this.#advance(1));
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#advance(4));
  }

  /** A number that counts something: whole, and not negative. */
  count(): number {
    const value = this.#bytes.readDoubleLE(this.#advance(8));
    if (!Number.isSafeInteger(value) || value < 0) throw new DecodeError(`${value} is no count.`);
    return value;
  }

  sized(): Uint8Array {
    return this.bytes(this.u32());
  }

  /** A view on the bytes. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    // Not as a Buffer, whose slice() is a view: copies made from here on must be copies.
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + start, length);
  }

  text(): string {
    const length = this.u32();
    const start = this.#advance(length);
    return textOf(this.#bytes, start, start + length);
  }

  /** Sized bytes as a key: one character a byte. */
  key(): string {
    const length = this.u32();
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
