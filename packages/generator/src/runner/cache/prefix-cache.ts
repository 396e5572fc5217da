import type { KvCache } from './kv-cache.ts';
import type { Pieces } from './pieces.ts';
import { PrefixTree, TOKENS_PER_BLOCK } from './prefix-tree.ts';

/**
 * Keys and values of prompts and completions of the current weights, for sequences that begin with the same tokens:
 * the turns of a conversation, or a group whose members start at different times. Copies: the attention operator takes
 * one block of memory for each sequence, so blocks cannot be shared in place.
 */
export class PrefixCache {
  readonly #tree = new PrefixTree<Float32Array>((block) => this.#free.push(block));
  /** Blocks that nothing is kept in: new memory is dear, since its pages are touched for the first time. */
  readonly #free: Float32Array[] = [];

  /** Tokens that there is memory for, in use or not. */
  get numTokens(): number {
    return this.#numBlocks * TOKENS_PER_BLOCK;
  }

  get numTokensInUse(): number {
    return this.#tree.numBlocks * TOKENS_PER_BLOCK;
  }

  /** How many tokens `ids` begin with that are here. */
  numMatching(ids: readonly number[]): number {
    return this.#tree.numMatching(ids);
  }

  /** Copies what is here of the beginning of `ids` to a slot; returns the number of tokens. */
  *restore(ids: readonly number[], cache: KvCache, slot: number): Pieces<number> {
    const blocks = this.#tree.match(ids);
    for (const [index, block] of blocks.entries()) yield* cache.write(slot, index * TOKENS_PER_BLOCK, block);
    return blocks.length * TOKENS_PER_BLOCK;
  }

  /** Keeps the whole blocks of a slot that holds `ids`, and forgets others where that makes more than `maxTokens`, which `ids` are not. */
  *store(ids: readonly number[], cache: KvCache, slot: number, maxTokens: number): Pieces {
    const maxBlocks = Math.floor(maxTokens / TOKENS_PER_BLOCK);
    const [tree, free] = [this.#tree, this.#free];
    const isFull = () => free.length === 0 && this.#numBlocks >= maxBlocks;
    yield* tree.add(ids, function* (fromToken) {
      if (isFull()) tree.forgetOldest();
      const block = free.pop() ?? cache.allocateBlock(TOKENS_PER_BLOCK);
      yield* cache.read(slot, fromToken, block);
      return block;
    });
    this.shrink(maxTokens);
  }

  /** Forgets until there are at most so many tokens. */
  shrink(maxTokens: number): void {
    const maxBlocks = Math.max(0, Math.floor(maxTokens / TOKENS_PER_BLOCK));
    while (this.#numBlocks > maxBlocks && (this.#free.length > 0 || this.#tree.forgetOldest())) this.#free.pop();
  }

  /** Forgets tokens of `ids` from place `from` on, as far as no other sequence begins with them. */
  remove(ids: readonly number[], from: number): void {
    this.#tree.remove(ids, from);
  }

  clear(): void {
    while (this.#tree.forgetOldest());
  }

  get #numBlocks(): number {
    return this.#tree.numBlocks + this.#free.length;
  }
}
