/** What happened, in order, and a hash of all of it. */
export class Trace {
  readonly lines: string[] = [];
  // Two lanes of FNV-1a with different primes: a collision of both is as rare as one of 64 bits.
  #high = 0x811c9dc5;
  #low = 0xcbf29ce4;

  /** How many things happened. */
  get length(): number {
    return this.lines.length;
  }

  /** 16 hex digits that depend on every line so far. */
  get hash(): string {
    return [this.#high, this.#low].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
  }

  add(atMs: number, what: string): void {
    const line = `${atMs.toFixed(3)} ${what}`;
    this.lines.push(line);
    for (let i = 0; i <= line.length; i++) {
      const unit = i < line.length ? line.charCodeAt(i) : 10;
      this.#high = Math.imul(this.#high ^ unit, 0x01000193);
      this.#low = Math.imul(this.#low ^ unit, 0x01000197);
    }
  }
}
