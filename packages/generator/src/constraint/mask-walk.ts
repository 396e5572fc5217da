// N nodes of the trie
import { type Automaton, DEAD } from './automaton.ts';
import type { TokenTrie } from './token-trie.ts';

const NODES_BETWEEN_LOOKS = 2048;

/** Finds the tokens that a text may go on with: the trie and the automaton are walked together, a slice at a time. */
export class MaskWalk {
  /** A bit for each token. */
  readonly mask: Uint32Array;
  readonly #trie: TokenTrie;
  readonly #automaton: Automaton;
  /** The state before the byte of each depth. */
  readonly #states: Int32Array;
  #at = 0;

  constructor(trie: TokenTrie, automaton: Automaton, state: number) {
    this.#trie = trie;
    this.#automaton = automaton;
    this.mask = new Uint32Array(Math.ceil(trie.vocabSize / 32));
    this.#states = new Int32Array(trie.maxDepth + 1);
    this.#states[0] = state;
  }

  /** Walks for about so long; whether the walk is over. @throws {ConstraintError} what the automaton throws */
  run(maxMs: number): boolean {
    const untilMs = performance.now() + maxMs;
    const numNodes = this.#trie.bytes_N.length;
    while (this.#at < numNodes) {
      this.#walk(Math.min(numNodes, this.#at + NODES_BETWEEN_LOOKS));
      if (performance.now() >= untilMs) break;
    }
    return this.#at >= numNodes;
  }

  #walk(until: number): void {
    const { bytes_N, depths_N, ends_N, tokens_N, twins_V } = this.#trie;
    const { classOf, numClasses } = this.#automaton;
    let { table } = this.#automaton;
    const states = this.#states;
    const mask = this.mask;
    let at = this.#at;
    while (at < until) {
      const depth = depths_N[at]!;
      const from = states[depth]!;
      const byteClass = classOf[bytes_N[at]!]!;
      let to = table[from * numClasses + byteClass]!;
      if (to < 0) {
        to = this.#automaton.step(from, byteClass);
        table = this.#automaton.table;
      }
      if (to === DEAD) {
        at = ends_N[at]!;
        continue;
      }
      states[depth + 1] = to;
      for (let token = tokens_N[at]!; token >= 0; token = twins_V[token]!) mask[token >>> 5]! |= 1 << (token & 31);
      at++;
    }
    this.#at = at;
  }
}
