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

/** The tokens that may be drawn, in two forms. Holds scratch memory only: what it gives is valid until the next tokens. */
export class AllowedIds {
  readonly #ids_V: Int32Array;
  readonly #words: Uint32Array;

  constructor(vocabSize: number) {
    this.#ids_V = new Int32Array(vocabSize);
    this.#words = new Uint32Array(Math.ceil(vocabSize / 32));
  }

  /** A bit for each of them. */
  bitsOf({ mask, isEnd, endIds }: AllowedTokens): Uint32Array {
    const words = this.#words;
    words.set(mask);
    for (const id of endIds) {
      if (id >= this.#ids_V.length) continue; // no token of this vocabulary
      if (isEnd) words[id >>> 5]! |= 1 << (id & 31);
      else words[id >>> 5]! &= ~(1 << (id & 31));
    }
    return words;
  }

  /** Their ids in order. */
  of(allowed: AllowedTokens): Int32Array {
    const ids_V = this.#ids_V;
    const words = this.bitsOf(allowed);
    let count = 0;
    for (let at = 0; at < words.length; at++) {
      for (let word = words[at]!; word !== 0; word &= word - 1) ids_V[count++] = at * 32 + lowestBit(word);
    }
    return ids_V.subarray(0, count);
  }
}

/** The place of the lowest bit that is set, of which there must be one. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
