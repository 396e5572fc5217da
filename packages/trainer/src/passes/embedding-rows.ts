import type { Tensor } from '@forge/tensor';

/** Copies the row of each token's id to the row of the token. */
export function lookUp({ data, shape }: Tensor<'float32'>, ids: BigInt64Array, x_ND: Tensor<'float32'>): void {
  const width = shape[1]!; // [vocabulary, D]
  for (let token = 0; token < ids.length; token++) {
    const row = Number(ids[token]) * width;
    x_ND.data.set(data.subarray(row, row + width), token * width);
  }
}

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

  /**
   * Adds the slope of each token to the row of its id.
   *
   * @param within - leaves out the tokens of other rows. @default none are
   */
  add(ids: BigInt64Array, slopes_ND: Float32Array, within = { firstRow: 0, numRows: Number.POSITIVE_INFINITY }): void {
    const width = this.#width;
    for (let token = 0; token < ids.length; token++) {
      const id = Number(ids[token]);
      const row = id - within.firstRow;
      if (row < 0 || row >= within.numRows) continue;
      const [to, from] = [this.#placeOf(id) * width, token * width];
      const sums = this.#sums; // after it has grown
      for (let i = 0; i < width; i++) sums[to + i]! += slopes_ND[from + i]!;
    }
  }

  /** Adds the sums to the gradient of the embedding, or to the rows of it from `firstRow` on, and forgets them. */
  moveTo({ data }: Tensor<'float32'>, firstRow = 0): void {
    const width = this.#width;
    for (const [row, place] of this.#places) {
      for (let i = 0; i < width; i++) data[(row - firstRow) * width + i]! += this.#sums[place * width + i]!;
    }
    this.clear();
  }

  /** One row after the other, in the order in which their tokens first occurred. */
  get sums(): Float32Array {
    return this.#sums.subarray(0, this.#places.size * this.#width);
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
