// N nodes of the trie
import { type Automaton, DEAD } from './automaton.ts';
import type { TokenTrie } from './token-trie.ts';
import { readsAnyPlainText, type Vocabulary } from './vocabulary.ts';

const NODES_BETWEEN_LOOKS = 2048;

/** Finds the tokens that a text may go on with: tries and automaton are walked together, a slice at a time. */
export class MaskWalk {
  /** A bit for each token. */
  readonly mask: Uint32Array;
  readonly #automaton: Automaton;
  /** What is left to walk. */
  readonly #tries: TokenTrie[];
  /** The state before the byte of each depth. */
  readonly #states: Int32Array;
  #at = 0;

  constructor({ vocabSize, plain, others }: Vocabulary, automaton: Automaton, state: number) {
    this.#automaton = automaton;
    this.#states = new Int32Array(1 + Math.max(plain.trie.maxDepth, others.maxDepth));
    this.#states[0] = state;
    const isAnyPlain = readsAnyPlainText(automaton, state, plain.trie.maxDepth);
    this.mask = isAnyPlain ? plain.mask.slice() : new Uint32Array(Math.ceil(vocabSize / 32));
    this.#tries = isAnyPlain ? [others] : [others, plain.trie];
  }

  /** Walks for about so long; whether the walk is over. @throws {ConstraintError} what the automaton throws */
  run(maxMs: number): boolean {
    const untilMs = performance.now() + maxMs;
    for (let [trie] = this.#tries; trie; [trie] = this.#tries) {
      const numNodes = trie.bytes_N.length;
      while (this.#at < numNodes) {
        this.#walk(trie, Math.min(numNodes, this.#at + NODES_BETWEEN_LOOKS));
        if (performance.now() >= untilMs) return false;
      }
      this.#addTwins(trie);
      this.#tries.shift();
      this.#at = 0;
    }
    return true;
  }

  #walk({ bytes_N, depths_N, ends_N, tokens_N }: TokenTrie, until: number): void {
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
      const token = tokens_N[at]!;
      if (token >= 0) mask[token >>> 5]! |= 1 << (token & 31);
      at++;
    }
    this.#at = at;
  }
  /** Tokens with the same bytes are allowed together. */
  #addTwins({ twins }: TokenTrie): void {
    const { mask } = this;
    for (const [token, others] of twins) {
      if (((mask[token >>> 5]! >>> (token & 31)) & 1) === 0) continue;
      for (const other of others) mask[other >>> 5]! |= 1 << (other & 31);
    }
  }
}
