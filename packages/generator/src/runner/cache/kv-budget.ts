import type { Extent } from './kv-cache.ts';

/** Capacities are multiples of so many tokens: fewer sizes, and little is lost to the last bucket. */
const TOKENS_PER_BUCKET = 64;

/** The room that some tokens take. */
export function bucketOf(numTokens: number): number {
  return Math.ceil(numTokens / TOKENS_PER_BUCKET) * TOKENS_PER_BUCKET;
}

/** So many slots of so many tokens each. */
export interface Room {
  readonly numSlots: number;
  readonly longest: number;
}

/** Slots, and beside them so many tokens of scratch memory, which sequences are computed in before they have a slot. */
export interface Demand extends Room {
  readonly numScratchTokens: number;
}

/** What fits into the memory for keys and values. Counts tokens; `Infinity` is no limit. */
export class KvBudget {
  readonly #maxTokens: number;

  constructor(maxTokens: number) {
    this.#maxTokens = maxTokens;
  }

  /** The longest sequence that fits beside another one of its length and its scratch memory, so that none is stuck. */
  get maxSequenceTokens(): number {
    return Math.floor(this.#maxTokens / 3 / TOKENS_PER_BUCKET) * TOKENS_PER_BUCKET;
  }

  fits({ numSlots, longest, numScratchTokens }: Demand): boolean {
    return numSlots * bucketOf(longest) + numScratchTokens <= this.#maxTokens;
  }

  /**
   * The extent for some slots of some tokens: as it is where that is enough, twice of what is needed where that fits,
   * so that a growing sequence is moved seldom, and else no more than is needed.
   */
  extentFor(current: Extent, { numSlots, longest, numScratchTokens }: Demand): Extent {
    const roomy = {
      numSlots: Math.max(current.numSlots, powerOfTwoFrom(numSlots)),
      capacity: Math.max(current.capacity, TOKENS_PER_BUCKET, powerOfTwoFrom(longest)),
    };
    const exact = { numSlots, capacity: bucketOf(longest) };
    const isEnough = current.numSlots >= numSlots && current.capacity >= longest;
    const candidates = [...(isEnough ? [current] : []), roomy];
    const isAllowed = ({ numSlots: slots, capacity }: Extent) =>
      this.fits({ numSlots: slots, longest: capacity, numScratchTokens });
    return candidates.find(isAllowed) ?? exact;
  }

  /** Tokens that are left beside slots and scratch. */
  numFree({ numSlots, capacity }: Extent, numScratchTokens: number): number {
    return this.#maxTokens - numSlots * capacity - numScratchTokens;
  }
}

function powerOfTwoFrom(least: number): number {
  return 2 ** Math.ceil(Math.log2(least));
}
