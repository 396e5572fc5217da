/** Splits a piece of text, written as the vocabulary writes it, into the tokens that byte-pair merges make of it. */
export type MergePiece = (piece: string) => string[];

/** Pieces whose tokens are remembered: most texts repeat theirs. About 10 MB when it is full. */
const MAX_REMEMBERED = 1 << 16;
/** Longer pieces hardly come twice. In UTF-16 code units. */
const MAX_REMEMBERED_LENGTH = 256;

/** A symbol that no merge knows. */
const UNKNOWN = -1;
const NONE = -1;

/**
 * Byte-pair encoding: of all merges that fit somewhere in a piece the earliest in the list is made first, and where it fits in
 * several places, the leftmost. In `n log n` for a piece of `n` characters, and looked up for one that came before.
 *
 * Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (arXiv 1508.07909).
 */
export function pieceMerges(merges: readonly (readonly [left: string, right: string])[]): MergePiece {
  const { idOf, names, rankOf, mergedOf } = numbered(merges);
  const remembered = new Map<string, readonly string[]>();

  function mergePiece(piece: string): string[] {
    const characters = Array.from(piece);
    if (characters.length < 2) return characters;
    const symbols = Int32Array.from(characters, (character) => idOf.get(character) ?? UNKNOWN);
    const lengths = mergeSymbols(symbols);
    const tokens: string[] = [];
    for (let at = 0; at < symbols.length; at += lengths[at]!) {
      tokens.push(symbols[at] === UNKNOWN ? characters[at]! : names[symbols[at]!]!);
    }
    return tokens;
  }

  /** Leaves each token at the place of its first character. @returns at that place, its characters. */
  function mergeSymbols(symbols: Int32Array): Int32Array {
    const count = symbols.length;
    const lengths = new Int32Array(count).fill(1);
    const before = Int32Array.from(symbols, (_, at) => at - 1);
    const queue = new SmallestFirst();
    const rankAt = (at: number): number | undefined => {
      const next = at + lengths[at]!;
      return next < count ? rankOf(symbols[at]!, symbols[next]!) : undefined;
    };
    const offer = (at: number): void => {
      const rank = rankAt(at);
      // Exact in a float64 as long as merges times characters are below 2^53.
      if (rank !== undefined) queue.push(rank * count + at);
    };
    for (let at = 0; at + 1 < count; at++) offer(at);
    for (;;) {
      const key = queue.pop();
      if (key === undefined) return lengths;
      const at = key % count;
      const rank = Math.floor(key / count);
      // What was offered before one of the two was merged is out of date.
      if (lengths[at] === 0 || rankAt(at) !== rank) continue;
      const next = at + lengths[at]!;
      symbols[at] = mergedOf[rank]!;
      lengths[at]! += lengths[next]!;
      lengths[next] = 0;
      const after = at + lengths[at]!;
      if (after < count) before[after] = at;
      if (before[at] !== NONE) offer(before[at]!);
      offer(at);
    }
  }

  return (piece) => {
    const known = remembered.get(piece);
    if (known !== undefined) return [...known];
    const tokens = mergePiece(piece);
    if (piece.length > MAX_REMEMBERED_LENGTH) return tokens;
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(piece, tokens);
    return [...tokens];
  };
}

/** Merges by number. */
interface NumberedMerges {
  readonly idOf: ReadonlyMap<string, number>;
  /** By id. */
  readonly names: readonly string[];
  readonly rankOf: (left: number, right: number) => number | undefined;
  /** The id of what a merge makes, by its rank. */
  readonly mergedOf: Int32Array;
}

function numbered(merges: readonly (readonly [left: string, right: string])[]): NumberedMerges {
  const idOf = new Map<string, number>();
  const names: string[] = [];
  const number = (symbol: string): number => {
    const known = idOf.get(symbol);
    if (known !== undefined) return known;
    idOf.set(symbol, names.length);
    return names.push(symbol) - 1;
  };
  const pairs = merges.map(([left, right]) => [number(left), number(right), number(left + right)] as const);
  const keyOf = (left: number, right: number): number => left * names.length + right;
  const ranks = new Map(pairs.map(([left, right], rank) => [keyOf(left, right), rank]));
  return {
    idOf,
    names,
    rankOf: (left, right) => (left === UNKNOWN || right === UNKNOWN ? undefined : ranks.get(keyOf(left, right))),
    mergedOf: Int32Array.from(pairs, ([, , merged]) => merged),
  };
}

/** A binary heap of numbers. */
class SmallestFirst {
  readonly #keys: number[] = [];

  push(key: number): void {
    const keys = this.#keys;
    let at = keys.push(key) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[at] = keys[parent]!;
      at = parent;
    }
    keys[at] = key;
  }

  pop(): number | undefined {
    const keys = this.#keys;
    const smallest = keys[0];
    const last = keys.pop();
    if (last === undefined || keys.length === 0) return smallest;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= keys.length) break;
      if (child + 1 < keys.length && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= last) break;
      keys[at] = keys[child]!;
      at = child;
    }
    keys[at] = last;
    return smallest;
  }
}
