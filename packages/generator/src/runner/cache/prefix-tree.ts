import type { Pieces } from './pieces.ts';

/** Tokens of one block: sequences share whole blocks. */
export const TOKENS_PER_BLOCK = 16;

interface Node<Block> {
  readonly key: string;
  readonly parent: Node<Block> | undefined;
  readonly children: Map<string, Node<Block>>;
  readonly block: Block;
}

/**
 * Blocks of tokens by all the tokens before them, the least recently used forgotten first. A block is never forgotten
 * before one that continues it.
 */
export class PrefixTree<Block> {
  readonly #roots = new Map<string, Node<Block>>();
  /** In order of use. Each node stands behind the nodes that continue it, so the first is always a leaf. */
  readonly #byUse = new Set<Node<Block>>();
  readonly #onForget: (block: Block) => void;

  /** @param onForget - is given every block that is forgotten. @default nothing happens to it */
  constructor(onForget: (block: Block) => void = () => {}) {
    this.#onForget = onForget;
  }

  get numBlocks(): number {
    return this.#byUse.size;
  }

  /** The blocks that `ids` begin with, in order. */
  match(ids: readonly number[]): readonly Block[] {
    const path = this.#pathOf(ids);
    this.#use(path);
    return path.map(({ block }) => block);
  }

  /** Tokens of `ids` that `match` would give blocks for. */
  numMatching(ids: readonly number[]): number {
    return this.#pathOf(ids).length * TOKENS_PER_BLOCK;
  }

  /**
   * Adds the whole blocks of `ids` that are missing; `make` is asked for each, with the place of its first token, and may
   * forget others for it. Ends where a block before the next one is forgotten between two pieces.
   */
  *add(ids: readonly number[], make: (fromToken: number) => Pieces<Block>): Pieces {
    const path = [...this.#pathOf(ids)];
    this.#use(path);
    for (let at = path.length * TOKENS_PER_BLOCK; at + TOKENS_PER_BLOCK <= ids.length; at += TOKENS_PER_BLOCK) {
      const parent = path.at(-1);
      const block = yield* make(at);
      if (parent && !this.#byUse.has(parent)) return this.#onForget(block);
      const node = { key: keyAt(ids, at), parent, children: new Map(), block };
      (parent?.children ?? this.#roots).set(node.key, node);
      path.push(node);
      this.#use(path);
    }
  }

  /** Forgets the blocks that hold tokens of `ids` from place `from` on, as far as no other sequence goes through them. */
  remove(ids: readonly number[], from: number): void {
    const path = this.#pathOf(ids);
    for (let at = path.length - 1; (at + 1) * TOKENS_PER_BLOCK > from; at--) {
      if (at < 0 || path[at]!.children.size > 0) return;
      this.#forget(path[at]!);
    }
  }

  /** Forgets the block that was used least recently; returns whether there was one. */
  forgetOldest(): boolean {
    for (const node of this.#byUse) {
      this.#forget(node);
      return true;
    }
    return false;
  }

  #forget(node: Node<Block>): void {
    this.#byUse.delete(node);
    (node.parent?.children ?? this.#roots).delete(node.key);
    this.#onForget(node.block);
  }

  #pathOf(ids: readonly number[]): readonly Node<Block>[] {
    const path: Node<Block>[] = [];
    let children: ReadonlyMap<string, Node<Block>> = this.#roots;
    for (let at = 0; at + TOKENS_PER_BLOCK <= ids.length; at += TOKENS_PER_BLOCK) {
      const node = children.get(keyAt(ids, at));
      if (!node) break;
      path.push(node);
      children = node.children;
    }
    return path;
  }

  #use(path: readonly Node<Block>[]): void {
    for (const node of path.toReversed()) {
      this.#byUse.delete(node);
      this.#byUse.add(node);
    }
  }
}

function keyAt(ids: readonly number[], at: number): string {
  return ids.slice(at, at + TOKENS_PER_BLOCK).join();
}
