const FIRST_BYTES = 4_096;
/** Of the largest integer that is safe. */
const MAX_COUNT_BYTES = 8;

/** Writes numbers, texts and bytes one behind the other, in memory that grows and is used again. */
export class ByteWriter {
  #target = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Leaves room. */
  skip(bytes: number): void {
    this.#reserve(bytes);
    this.#length += bytes;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#target[this.#length++] = value;
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#length = this.#target.writeUInt32LE(value, this.#length);
  }

  /** A number that counts something: whole, and not negative. Seven bits a byte, the lowest first. */
  count(value: number): void {
    this.#reserve(MAX_COUNT_BYTES);
    const target = this.#target;
    let rest = value;
    while (rest > 0x7f) {
      target[this.#length++] = (rest & 0x7f) | 0x80;
      // Beyond 31 bits shifts are of no use.
      rest = rest > 0x7fff_ffff ? Math.floor(rest / 0x80) : rest >>> 7;
    }
    target[this.#length++] = rest;
  }

  /** The length, then the bytes. */
  sized(bytes: Uint8Array): void {
    this.count(bytes.length);
    this.bytes(bytes);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#target.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A text that may be none, in which case it takes one byte. */
  optionalText(text: string | undefined): void {
    this.u8(text === undefined ? 0 : 1);
    if (text !== undefined) this.sized(Buffer.from(text));
  }

  /** A copy of what was written; it is empty again. */
  take(): Buffer {
    const taken = Buffer.allocUnsafe(this.#length);
    this.#target.copy(taken, 0, 0, this.#length);
    this.#length = 0;
    return taken;
  }

  #reserve(bytes: number): void {
    const wanted = this.#length + bytes;
    if (wanted <= this.#target.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, 2 ** Math.ceil(Math.log2(wanted))));
    grown.set(this.#target.subarray(0, this.#length));
    this.#target = grown;
  }
}
