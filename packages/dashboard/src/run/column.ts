/** Numbers that are added at the end, one after the other. */
export class Column {
  #values = new Float64Array(1_024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The numbers so far; a view, valid until the next is added. */
  get values(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const grown = new Float64Array(2 * this.#length);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length++] = value;
  }

  /** Adds NaN until there are so many numbers. */
  padTo(length: number): void {
    while (this.#length < length) this.push(Number.NaN);
  }
}
