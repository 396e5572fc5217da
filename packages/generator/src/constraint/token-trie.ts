// V tokens, N nodes
import { setImmediate as nextTurn } from 'node:timers/promises';

/** The tokens of a vocabulary by their bytes, in one walk: a node, then everything that begins with it. */
export interface TokenTrie {
  readonly vocabSize: number;
  /** [N] The byte that leads to a node. */
  readonly bytes_N: Uint8Array;
  /** [N] Bytes before that one. */
  readonly depths_N: Uint16Array;
  /** [N] The first node after those that begin with it. */
  readonly ends_N: Int32Array;
  /** [N] A token that ends there, or -1. */
  readonly tokens_N: Int32Array;
  /** [V] Another token with the same bytes, or -1. */
  readonly twins_V: Int32Array;
  readonly maxDepth: number;
  /** The bytes of a token; none for tokens that are not in the trie. */
  bytesOf(tokenId: number): Uint8Array;
}

/** The event loop is given back after so long. */
const MS_PER_SLICE = 1;

/** Builds the trie of the tokens below `vocabSize` that have bytes, in slices of a millisecond. */
export async function buildTokenTrie(
  tokenBytes: (id: number) => Uint8Array | undefined,
  vocabSize: number,
): Promise<TokenTrie> {
  const pause = pauses();
  const spelled: Uint8Array[] = [];
  let numBytes = 0;
  for (let id = 0; id < vocabSize; id++) {
    const bytes = tokenBytes(id) ?? new Uint8Array(0);
    spelled.push(bytes);
    numBytes += bytes.length;
    if (id % 128 === 0) await pause();
  }
  // Linked lists while it grows: the first child of a node and its next sibling; 0, the root, is none.
  const child = new Int32Array(numBytes + 1);
  const sibling = new Int32Array(numBytes + 1);
  const byteAt = new Uint8Array(numBytes + 1);
  const token = new Int32Array(numBytes + 1).fill(-1);
  const twins_V = new Int32Array(vocabSize).fill(-1);
  let numNodes = 1;
  let maxDepth = 0;
  for (const [id, bytes] of spelled.entries()) {
    if (bytes.length === 0) continue;
    let node = 0;
    for (const byte of bytes) {
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
    twins_V[id] = token[node]!;
    token[node] = id;
    maxDepth = Math.max(maxDepth, bytes.length);
    if (id % 128 === 0) await pause();
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
    if (at % 4096 === 0) await pause();
  }
  leave(0, at);
  return {
    vocabSize,
    bytes_N,
    depths_N,
    ends_N,
    tokens_N,
    twins_V,
    maxDepth,
    bytesOf: (tokenId) => spelled[tokenId] ?? new Uint8Array(0),
  };
}

/** Gives the event loop back when a slice is over. */
function pauses(): () => Promise<void> {
  let beganAtMs = performance.now();
  return async () => {
    if (performance.now() - beganAtMs < MS_PER_SLICE) return;
    await nextTurn();
    beganAtMs = performance.now();
  };
}
