import { type Demand, KvBudget, type Room } from './kv-budget.ts';
import { bytesPerToken, type Extent, KvCache, type KvCacheShape } from './kv-cache.ts';
import type { Move } from './kv-slots.ts';
import type { Pieces } from './pieces.ts';
import { PrefixCache } from './prefix-cache.ts';

/** Prefixes that nobody uses again must not crowd the machine. */
const PREFIX_SHARE = 1 / 4;

/** How much memory there is, and for what. */
export interface KvMemoryOptions {
  readonly kvCacheBytes: number;
  readonly prefixCaching: boolean;
}

/**
 * All keys and values: of running sequences in slots, of those that are being computed in scratch memory, and of
 * prefixes that are kept. Stays within its budget as long as it is asked for what `fits`.
 */
export class KvMemory {
  readonly slots: KvCache;
  readonly scratch: KvCache;
  readonly #prefixes = new PrefixCache();
  readonly #budget: KvBudget;
  readonly #maxPrefixTokens: number;
  readonly #bytesPerToken: number;

  constructor(shape: KvCacheShape, { kvCacheBytes, prefixCaching }: KvMemoryOptions) {
    this.#bytesPerToken = bytesPerToken(shape);
    const maxTokens = Math.floor(kvCacheBytes / this.#bytesPerToken);
    this.slots = new KvCache(shape);
    this.scratch = new KvCache(shape);
    this.#budget = new KvBudget(maxTokens);
    this.#maxPrefixTokens = prefixCaching ? maxTokens * PREFIX_SHARE : 0;
  }

  /** Tokens of the longest sequence that there is room for. */
  get maxSequenceTokens(): number {
    return this.#budget.maxSequenceTokens;
  }

  get numBytes(): number {
    return this.slots.numBytes + this.scratch.numBytes + this.#prefixes.numTokens * this.#bytesPerToken;
  }

  /** Tokens of all prefixes that are kept. */
  get numKeptTokens(): number {
    return this.#prefixes.numTokensInUse;
  }

  /** Whether there is room for so much, if prefixes are forgotten. */
  fits(demand: Demand): boolean {
    return this.#budget.fits(demand);
  }

  /** Tokens of scratch memory that is held, in use or not. */
  get numScratchTokens(): number {
    return this.scratch.numBytes / this.#bytesPerToken;
  }

  /** Makes slots for some sequences; what is in them stays. Scratch memory goes if it is in the way and not in use. */
  *reserve(room: Room, isScratchInUse: boolean): Pieces {
    const { extent } = this.slots;
    const isEnough = room.numSlots <= extent.numSlots && room.longest <= extent.capacity;
    if (isEnough && this.#budget.numFree(extent, this.numScratchTokens) >= 0) return;
    if (!isScratchInUse && !this.fits({ ...room, numScratchTokens: this.numScratchTokens })) this.scratch.free();
    yield* this.#resizeSlots(room, this.numScratchTokens);
  }

  /** Makes scratch memory beside slots for some sequences; what was in it is lost. */
  *takeScratch(extent: Extent, room: Room): Pieces {
    const numNeeded = extent.numSlots * extent.capacity;
    const isEnough =
      this.numScratchTokens >= numNeeded && this.fits({ ...room, numScratchTokens: this.numScratchTokens });
    if (!isEnough) this.scratch.free();
    yield* this.#resizeSlots(room, isEnough ? this.numScratchTokens : numNeeded);
    this.scratch.reuse(extent);
  }

  /** Copies a row of scratch memory that holds `ids` to some slots, and keeps it as a prefix. */
  *place(ids: readonly number[], row: number, slots: readonly number[]): Pieces {
    for (const to of slots) yield* this.slots.copySlot(this.scratch, { from: row, to }, ids.length);
    yield* this.#store(ids, this.scratch, row);
  }

  /** Keeps what a slot holds as a prefix. */
  *keep(ids: readonly number[], slot: number): Pieces {
    yield* this.#store(ids, this.slots, slot);
  }

  /** How many tokens `ids` begin with that are kept. */
  numKept(ids: readonly number[]): number {
    return this.#prefixes.numMatching(ids);
  }

  /** Copies what is kept of the beginning of `ids` to the first row of scratch memory; returns the number of tokens. */
  restore(ids: readonly number[]): Pieces<number> {
    return this.#prefixes.restore(ids, this.scratch, 0);
  }

  /** Forgets what is kept of `ids` from place `from` on, as far as no other sequence begins with it. */
  forget(ids: readonly number[], from: number): void {
    this.#prefixes.remove(ids, from);
  }

  /** Forgets all prefixes. */
  forgetAll(): void {
    this.#prefixes.clear();
  }

  /** Copies the first `numTokens` tokens of one slot over another. */
  copySlot(move: Move, numTokens: number): Pieces {
    return this.slots.copySlot(this.slots, move, numTokens);
  }

  *#resizeSlots(room: Room, numScratchTokens: number): Pieces {
    const extent = this.#budget.extentFor(this.slots.extent, { ...room, numScratchTokens });
    this.#prefixes.shrink(this.#budget.numFree(extent, numScratchTokens));
    yield* this.slots.resize(extent);
  }

  *#store(ids: readonly number[], cache: KvCache, slot: number): Pieces {
    const numFree = this.#budget.numFree(this.slots.extent, this.numScratchTokens);
    const maxTokens = Math.min(this.#maxPrefixTokens, numFree);
    if (ids.length <= maxTokens) yield* this.#prefixes.store(ids, cache, slot, maxTokens);
  }
}
