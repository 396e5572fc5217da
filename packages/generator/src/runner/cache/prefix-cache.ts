import type { KvCache } from './kv-cache.ts';
import { PrefixTree, TOKENS_PER_BLOCK } from './prefix-tree.ts';

/**
 * Keys and values of prompts and completions of the current weights, for sequences that begin with the same tokens:
 * the turns of a conversation, or a group whose members start at different times. Copies: the attention operator takes
 * one block of memory for each sequence, so blocks cannot be shared in place.
 */
export class PrefixCache {
  #tree = new PrefixTree<Float32Array>();

  get numTokens(): number {
    return this.#tree.numBlocks * TOKENS_PER_BLOCK;
  }

  /** How many tokens `ids` begin with that are here. */
  numMatching(ids: readonly number[]): number {
    return this.#tree.numMatching(ids);
  }

  /** Copies what is here of the beginning of `ids` to a slot; returns the number of tokens. */
  restore(ids: readonly number[], cache: KvCache, slot: number): number {
    const blocks = this.#tree.match(ids);
    blocks.forEach((block, index) => {
      cache.write(slot, index * TOKENS_PER_BLOCK, block);
    });
    return blocks.length * TOKENS_PER_BLOCK;
  }

  /** Keeps the whole blocks of a slot that holds `ids`, then forgets until there are at most `maxTokens`. */
  store(ids: readonly number[], cache: KvCache, slot: number, maxTokens: number): void {
    this.#tree.add(ids, (fromToken) => cache.read(slot, fromToken, TOKENS_PER_BLOCK));
    this.shrink(maxTokens);
  }

  shrink(maxTokens: number): void {
    this.#tree.shrink(Math.max(0, Math.floor(maxTokens / TOKENS_PER_BLOCK)));
  }

  /** Forgets tokens of `ids` from place `from` on, as far as no other sequence begins with them. */
  remove(ids: readonly number[], from: number): void {
    this.#tree.remove(ids, from);
  }

  clear(): void {
    this.#tree = new PrefixTree();
  }
}
