const FIRST_BYTES = 4_096;

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

  f64(value: number): void {
    this.#reserve(8);
    this.#length = this.#target.writeDoubleLE(value, this.#length);
  }

  /** The length in 4 bytes, then the bytes. */
  sized(bytes: Uint8Array): void {
    this.u32(bytes.length);
    this.bytes(bytes);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#target.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The length in 4 bytes, then the text. */
  text(text: string): void {
    // Never more than three bytes a unit of UTF-16.
    this.#reserve(4 + 3 * text.length);
    const written = this.#target.write(text, this.#length + 4);
    this.#target.writeUInt32LE(written, this.#length);
    this.#length += 4 + written;
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
