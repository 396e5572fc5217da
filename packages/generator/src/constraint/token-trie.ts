// V tokens, N nodes
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Tokens by their bytes, in one walk: a node, then everything that begins with it. */
export interface TokenTrie {
  /** [N] The byte that leads to a node. */
  readonly bytes_N: Uint8Array;
  /** [N] Bytes before that one. */
  readonly depths_N: Uint16Array;
  /** [N] The first node after those that begin with it. */
  readonly ends_N: Int32Array;
  /** [N] A token that ends there, or -1. */
  readonly tokens_N: Int32Array;
  /** Other tokens with the same bytes, by the one that is in the trie. */
  readonly twins: ReadonlyMap<number, readonly number[]>;
  /** Bytes of the longest token. */
  readonly maxDepth: number;
}

/** Builds the trie of some tokens, giving the event loop back by `pause`, which is called often. */
export async function buildTokenTrie(
  ids: readonly number[],
  bytesOf: (id: number) => Uint8Array,
  pause: () => Promise<void>,
): Promise<TokenTrie> {
  const numBytes = ids.reduce((sum, id) => sum + bytesOf(id).length, 0);
  // Linked lists while it grows: the first child of a node and its next sibling; 0, the root, is none.
  const child = new Int32Array(numBytes + 1);
  const sibling = new Int32Array(numBytes + 1);
  const byteAt = new Uint8Array(numBytes + 1);
  const token = new Int32Array(numBytes + 1).fill(-1);
  const twins = new Map<number, number[]>();
  let numNodes = 1;
  let maxDepth = 0;
  for (const [at, id] of ids.entries()) {
    let node = 0;
    for (const byte of bytesOf(id)) {
      let to = child[node]!;
      while (to !== 0 && byteAt[to] !== byte) to = sibling[to]!;
      if (to === 0) {
        to = numNodes++;
        byteAt[to] = byte;
        sibling[to] = child[node]!;
        child[node] = to;
      }
      node = to;
    }
    const first = token[node]!;
    if (first >= 0) twins.set(first, [...(twins.get(first) ?? []), id]);
    else token[node] = id;
    maxDepth = Math.max(maxDepth, bytesOf(id).length);
    if (at % 128 === 0) await pause();
  }
  const count = numNodes - 1;
  const bytes_N = new Uint8Array(count);
  const depths_N = new Uint16Array(count);
  const ends_N = new Int32Array(count);
  const tokens_N = new Int32Array(count);
  const path: number[] = []; // places of the nodes above
  const waiting: { readonly node: number; readonly depth: number }[] = [];
  const enter = (parent: number, depth: number) => {
    for (let node = child[parent]!; node !== 0; node = sibling[node]!) waiting.push({ node, depth });
  };
  const leave = (depth: number, at: number) => {
    while (path.length > depth) ends_N[path.pop()!] = at;
  };
  enter(0, 0);
  let at = 0;
  for (let next = waiting.pop(); next; next = waiting.pop(), at++) {
    const { node, depth } = next;
    leave(depth, at);
    path.push(at);
    bytes_N[at] = byteAt[node]!;
    depths_N[at] = depth;
    tokens_N[at] = token[node]!;
    enter(node, depth + 1);
    if (at % 1024 === 0) await pause();
  }
  leave(0, at);
  return { bytes_N, depths_N, ends_N, tokens_N, twins, maxDepth };
}

/** Gives the event loop back when a slice of about so long is over. */
export function pauses(msPerSlice: number): () => Promise<void> {
  let beganAtMs = performance.now();
  return async () => {
    if (performance.now() - beganAtMs < msPerSlice) return;
    await nextTurn();
    beganAtMs = performance.now();
  };
}
