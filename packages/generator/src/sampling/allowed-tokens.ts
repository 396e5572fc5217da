// V vocabulary
/** The tokens that may be drawn. */
export interface AllowedTokens {
  /** [V / 32] A bit for each token, tokens that end a completion aside. */
  readonly mask: Uint32Array;
  /** Whether the completion may end. */
  readonly isEnd: boolean;
  /** Tokens that end it. */
  readonly endIds: ReadonlySet<number>;
}

/** The tokens that may be drawn as a list in order. Holds scratch memory only: a list is valid until the next one. */
export class AllowedIds {
  readonly #ids_V: Int32Array;

  constructor(vocabSize: number) {
    this.#ids_V = new Int32Array(vocabSize);
  }

  of({ mask, isEnd, endIds }: AllowedTokens): Int32Array {
    const ids_V = this.#ids_V;
    let count = 0;
    const words = mask.slice();
    for (const id of endIds) {
      if (id >= ids_V.length) continue; // no token of this vocabulary
      if (isEnd) words[id >>> 5]! |= 1 << (id & 31);
      else words[id >>> 5]! &= ~(1 << (id & 31));
    }
    for (let at = 0; at < words.length; at++) {
      for (let word = words[at]!; word !== 0; word &= word - 1)
        ids_V[count++] = at * 32 + (31 - Math.clz32(word & -word));
    }
    return ids_V.subarray(0, count);
  }
}
