/** Buckets for each doubling: a quantile is right within a tenth. */
const bucketsPerOctave = 8;
const firstMs = 0.001;

/** Durations in buckets that grow with them; memory stays the same for any number. */
export class Latency {
  readonly #buckets: number[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(durationMs: number): void {
    const bucket = Math.max(0, Math.ceil(Math.log2(Math.max(durationMs, firstMs) / firstMs) * bucketsPerOctave));
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#count += 1;
  }

  /** The duration that a part of all, from 0 to 1, does not exceed; undefined before the first. */
  quantile(part: number): number | undefined {
    let rest = Math.max(1, Math.ceil(part * this.#count));
    for (const [bucket, count] of this.#buckets.entries()) {
      rest -= count ?? 0; // buckets that were never used are holes
      if (rest <= 0 && this.#count > 0) return firstMs * 2 ** (bucket / bucketsPerOctave);
    }
    return undefined;
  }
}
