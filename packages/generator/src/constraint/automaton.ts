import { ConstraintError } from '../errors.ts';
import { type Network, RETURN } from './network.ts';

/** The state without any continuation, which does not accept. */
export const DEAD = 0;
const UNKNOWN = -1;

/** One token's walk over a large vocabulary reaches some hundred states; patterns that reach this many cannot be determinised. */
const MAX_STATES = 32_768;

/** A place in the network with the places to return to, innermost first. */
interface Thread {
  readonly node: number;
  readonly returns: readonly number[];
}

/**
 * The deterministic automaton of a network, made state by state as texts are read, so that a pattern whose whole automaton
 * would be exponential costs what is read of it. A state is the set of threads that a text can have come to; a thread is a
 * node and the frame to return to, as `frame * numNodes + node`; frame 0 is the end of the text.
 */
export class Automaton {
  /** The class of each byte: bytes of a class lead to the same state, from any state. */
  readonly classOf: Uint8Array;
  readonly numClasses: number;
  /** Before the first byte. */
  readonly start: number;
  /** [states, numClasses] What follows a state; -1 where it is not known yet. Replaced when it grows. */
  table: Int32Array = new Int32Array(0);
  readonly #network: Network;
  readonly #byteOf: readonly number[];
  readonly #threads: (readonly number[])[] = [];
  readonly #accepts: boolean[] = [];
  readonly #states = new Map<string, number>();
  readonly #frames = new Map<number, number>();
  readonly #frameNodes: number[] = [RETURN];
  readonly #framesBelow: number[] = [0];

  /** @param dropsLeadingSpace - whether a text that begins with a space is read without it. */
  constructor(network: Network, { dropsLeadingSpace = false }: { readonly dropsLeadingSpace?: boolean } = {}) {
    this.#network = network;
    const { classOf, byteOf } = byteClasses(network);
    this.classOf = classOf;
    this.#byteOf = byteOf;
    this.numClasses = byteOf.length;
    this.#intern([], false); // the dead state
    const first = this.#closure([network.start]);
    this.start = this.#intern(first.threads, first.accepts);
    if (dropsLeadingSpace) this.start = this.#beforeSpace(this.start);
  }

  get numStates(): number {
    return this.#threads.length;
  }

  /** Memory that is held, roughly: it grows with what is read. */
  get numBytes(): number {
    return this.table.byteLength + 200 * this.numStates + 100 * this.#frameNodes.length;
  }

  /** Whether a text may end here. */
  accepts(state: number): boolean {
    return this.#accepts[state]!; // one a state
  }

  /** Whether a text may go on. */
  goesOn(state: number): boolean {
    return this.#threads[state]!.length > 0; // one a state; no thread is without an end
  }

  /** The state after a byte. */
  next(state: number, byte: number): number {
    const byteClass = this.classOf[byte]!;
    const known = this.table[state * this.numClasses + byteClass]!;
    return known === UNKNOWN ? this.step(state, byteClass) : known;
  }

  /** The state after any byte of a class, which is not in the table yet. @throws {ConstraintError} beyond 32,768 states */
  step(state: number, byteClass: number): number {
    const { nodes } = this.#network;
    const byte = this.#byteOf[byteClass]!;
    const seeds: number[] = [];
    for (const thread of this.#threads[state]!) {
      const at = thread % nodes.length;
      const node = nodes[at]!;
      if (node.kind === 'byte' && node.ranges.some(([from, to]) => from <= byte && byte <= to)) {
        seeds.push(thread - at + node.next);
      }
    }
    const { threads, accepts } = this.#closure(seeds);
    const to = this.#intern(threads, accepts);
    this.table[state * this.numClasses + byteClass] = to;
    return to;
  }

  /** The same state of an automaton of the same network. */
  adopt(other: Automaton, state: number): number {
    const { threads, accepts } = this.#closure(other.#described(state).map((thread) => this.#threadOf(thread)));
    return this.#intern(threads, accepts || other.accepts(state));
  }

  #described(state: number): readonly Thread[] {
    const numNodes = this.#network.nodes.length;
    return this.#threads[state]!.map((thread) => {
      const returns: number[] = [];
      let frame = Math.floor(thread / numNodes);
      for (; frame > 0; frame = this.#framesBelow[frame]!) returns.push(this.#frameNodes[frame]!);
      return { node: thread % numNodes, returns };
    });
  }

  #threadOf({ node, returns }: Thread): number {
    return returns.reduceRight((frame, at) => this.#push(at, frame), 0) * this.#network.nodes.length + node;
  }

  /** The byte threads that some threads come to without reading a byte, in order, and whether the text may end. */
  #closure(seeds: readonly number[]): { readonly threads: readonly number[]; readonly accepts: boolean } {
    const { nodes, starts } = this.#network;
    const numNodes = nodes.length;
    const threads: number[] = [];
    const seen = new Set<number>(seeds);
    const waiting = [...seen];
    let accepts = false;
    const visit = (thread: number) => {
      if (seen.has(thread)) return;
      seen.add(thread);
      waiting.push(thread);
    };
    for (let thread = waiting.pop(); thread !== undefined; thread = waiting.pop()) {
      const at = thread % numNodes;
      const frame = (thread - at) / numNodes;
      const node = nodes[at]!;
      if (node.kind === 'byte') threads.push(thread);
      else if (node.kind === 'split') for (const to of node.next) visit(frame * numNodes + to);
      else if (node.kind === 'call') {
        // A call at the end of a rule returns to where that returns to, so that lists need no stack.
        const under = node.next === RETURN ? frame : this.#push(node.next, frame);
        visit(under * numNodes + starts.get(node.rule)!); // every rule is written
      } else if (frame === 0) accepts = true;
      else visit(this.#framesBelow[frame]! * numNodes + this.#frameNodes[frame]!);
    }
    return { threads: threads.sort((a, b) => a - b), accepts };
  }

  #push(node: number, below: number): number {
    const key = below * this.#network.nodes.length + node;
    const known = this.#frames.get(key);
    if (known !== undefined) return known;
    const frame = this.#frameNodes.push(node) - 1;
    this.#framesBelow.push(below);
    this.#frames.set(key, frame);
    return frame;
  }

  #intern(threads: readonly number[], accepts: boolean): number {
    const key = `${accepts ? '!' : ''}${threads.join()}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const state = this.#add(threads, accepts);
    this.#states.set(key, state);
    return state;
  }

  #add(threads: readonly number[], accepts: boolean): number {
    const state = this.#threads.length;
    if (state >= MAX_STATES) {
      throw new ConstraintError(`it needs more than ${MAX_STATES} states for one token; make it less ambiguous.`);
    }
    this.#threads.push(threads);
    this.#accepts.push(accepts);
    if (this.table.length < (state + 1) * this.numClasses) {
      const grown = new Int32Array(Math.max(64, 2 * state) * this.numClasses).fill(UNKNOWN);
      grown.set(this.table);
      this.table = grown;
    }
    return state;
  }

  /** `start` as it is when the first space is not part of the text. */
  #beforeSpace(start: number): number {
    const state = this.#add(this.#threads[start]!, this.#accepts[start]!);
    this.table[state * this.numClasses + this.classOf[0x20]!] = start;
    return state;
  }
}

/** Bytes that every range holds or leaves out together; a space is alone, since a tokenizer may drop it. */
function byteClasses({ nodes }: Network): { readonly classOf: Uint8Array; readonly byteOf: readonly number[] } {
  const begins = new Uint8Array(257);
  begins[0x20] = begins[0x21] = 1;
  for (const node of nodes) {
    if (node.kind !== 'byte') continue;
    for (const [from, to] of node.ranges) begins[from] = begins[to + 1] = 1;
  }
  const byteOf: number[] = [0];
  const classOf = Uint8Array.from({ length: 256 }, (_, byte) => {
    if (byte > 0 && begins[byte]) byteOf.push(byte);
    return byteOf.length - 1;
  });
  return { classOf, byteOf };
}
