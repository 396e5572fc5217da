import type { Tensor } from '@forge/tensor';

/** Sums of slopes for those rows of an embedding whose tokens occur, added one token after the other. */
export class EmbeddingRows {
  readonly #width: number;
  /** Where the sum of a row is, in rows of `#sums`. */
  readonly #places = new Map<number, number>();
  #sums = new Float32Array(0);

  /** @param width - numbers of a row */
  constructor(width: number) {
    this.#width = width;
  }

  /** Adds the slope of each token to the row of its id. */
  add(ids: ArrayLike<bigint>, slopes_ND: Float32Array): void {
    const width = this.#width;
    for (let token = 0; token < ids.length; token++) {
      const [to, from] = [this.#placeOf(Number(ids[token])) * width, token * width];
      for (let i = 0; i < width; i++) this.#sums[to + i]! += slopes_ND[from + i]!;
    }
  }

  /** Adds the sums to the gradient of the embedding, and forgets them. */
  moveTo({ data }: Tensor<'float32'>): void {
    const width = this.#width;
    for (const [row, place] of this.#places) {
      for (let i = 0; i < width; i++) data[row * width + i]! += this.#sums[place * width + i]!;
    }
    this.clear();
  }

  clear(): void {
    this.#places.clear();
    this.#sums = new Float32Array(0);
  }

  #placeOf(row: number): number {
    const known = this.#places.get(row);
    if (known !== undefined) return known;
    const place = this.#places.size;
    this.#places.set(row, place);
    if ((place + 1) * this.#width > this.#sums.length) {
      const grown = new Float32Array(Math.max(64, 2 * place) * this.#width);
      grown.set(this.#sums);
      this.#sums = grown;
    }
    return place;
  }
}
