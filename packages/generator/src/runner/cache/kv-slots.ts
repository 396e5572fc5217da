/** Copies the cache of one slot over another. */
export interface Move {
  readonly from: number;
  readonly to: number;
}

/** The first tokens of one slot, for another one. */
export interface SlotCopy extends Move {
  readonly numTokens: number;
}

/** The tokens that a slot holds. */
export interface FilledSlot {
  readonly ids: readonly number[];
  readonly slot: number;
}

/** Who owns which key/value slot. The live slots are always 0 … k-1, so that a run covers them as one block. */
export class KvSlots<Owner> {
  readonly #numSlots: number;
  #owners: Owner[] = [];

  constructor(numSlots: number) {
    this.#numSlots = numSlots;
  }

  /** Owners in order of their slots. */
  get owners(): readonly Owner[] {
    return this.#owners;
  }

  get numFree(): number {
    return this.#numSlots - this.#owners.length;
  }

  /** Takes the next slot, or `undefined` when all are taken. */
  take(owner: Owner): number | undefined {
    if (this.numFree === 0) return undefined;
    return this.#owners.push(owner) - 1;
  }

  /**
   * Frees the slots of `leaving` (others are ignored) and closes the holes with the last live slots.
   * Each survivor moves at most once, always into a freed slot, so the moves may be made in any order.
   */
  release(leaving: ReadonlySet<Owner>): readonly Move[] {
    const numLeft = this.#owners.reduce((count, owner) => (leaving.has(owner) ? count : count + 1), 0);
    const moves: Move[] = [];
    let from = numLeft;
    for (let to = 0; to < numLeft; to++) {
      if (!leaving.has(this.#owners[to]!)) continue;
      while (leaving.has(this.#owners[from]!)) from++;
      this.#owners[to] = this.#owners[from]!;
      moves.push({ from: from++, to });
    }
    this.#owners.length = numLeft;
    return moves;
  }
}
