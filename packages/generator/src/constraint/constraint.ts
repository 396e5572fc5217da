import { ConstraintError } from '../errors.ts';
import { Automaton } from './automaton.ts';
import { MaskWalk } from './mask-walk.ts';
import type { Network } from './network.ts';
import type { Vocabulary } from './vocabulary.ts';

/** What a constraint is read with. */
export interface ConstraintOptions {
  /** Whether the tokenizer does. @default false */
  readonly dropsLeadingSpace?: boolean;
  /** With more than this it begins anew with an empty automaton and no masks. @default 16 MiB */
  readonly maxBytes?: number;
}

/** What is known so far of a constraint. */
interface Knowledge {
  readonly automaton: Automaton;
  /** By their state. */
  readonly masks: Map<number, Uint32Array>;
}

/** A grammar over the tokens of a vocabulary. What is found out for one text is known for all of them. */
export class Constraint {
  readonly #network: Network;
  readonly #vocabulary: Vocabulary;
  readonly #dropsLeadingSpace: boolean;
  readonly #maxBytes: number;
  #latest: Knowledge;

  constructor(
    network: Network,
    vocabulary: Vocabulary,
    { dropsLeadingSpace = false, maxBytes = 16 * 2 ** 20 }: ConstraintOptions = {},
  ) {
    this.#network = network;
    this.#vocabulary = vocabulary;
    this.#dropsLeadingSpace = dropsLeadingSpace;
    this.#maxBytes = maxBytes;
    this.#latest = this.#anew();
  }

  /** A text that follows the constraint, which is empty. */
  begin(): ConstrainedText {
    return new ConstrainedText(this);
  }

  /** What is to be read with, which texts exchange for newer knowledge when it has grown too large. */
  get knowledge(): Knowledge {
    const { automaton, masks } = this.#latest;
    const numMaskBytes = (masks.size * this.#vocabulary.vocabSize) / 8;
    if (automaton.numBytes + numMaskBytes > this.#maxBytes) this.#latest = this.#anew();
    return this.#latest;
  }

  get vocabulary(): Vocabulary {
    return this.#vocabulary;
  }

  #anew(): Knowledge {
    return {
      automaton: new Automaton(this.#network, { dropsLeadingSpace: this.#dropsLeadingSpace }),
      masks: new Map(),
    };
  }
}

/** One text that grows by tokens within a constraint. */
export class ConstrainedText {
  readonly #constraint: Constraint;
  #knowledge: Knowledge;
  #state: number;
  #walk: MaskWalk | undefined;

  constructor(constraint: Constraint) {
    this.#constraint = constraint;
    this.#knowledge = constraint.knowledge;
    this.#state = this.#knowledge.automaton.start;
  }

  /** Whether the text may end here. */
  get isComplete(): boolean {
    return this.#knowledge.automaton.accepts(this.#state);
  }

  /** Whether the text can only end here. */
  get isOver(): boolean {
    return !this.#knowledge.automaton.goesOn(this.#state);
  }

  /**
   * Looks for about `maxMs` for the tokens that may come next; whether they are known then.
   *
   * @throws {ConstraintError} when the vocabulary has none, or they need too many states.
   */
  prepare(maxMs: number): boolean {
    const { automaton, masks } = this.#knowledge;
    if (masks.has(this.#state)) return true;
    this.#walk ??= new MaskWalk(this.#constraint.vocabulary, automaton, this.#state);
    if (!this.#walk.run(maxMs)) return false;
    const { mask } = this.#walk;
    if (!this.isComplete && mask.every((word) => word === 0)) {
      throw new ConstraintError('no token of the vocabulary continues the text, which is not complete.');
    }
    masks.set(this.#state, mask);
    this.#walk = undefined;
    return true;
  }

  /** The tokens that may come next, a bit each, without those that end a text. They must be prepared. */
  get mask(): Uint32Array {
    const mask = this.#knowledge.masks.get(this.#state);
    if (!mask) throw new TypeError('The tokens that may come next are read before they are prepared.');
    return mask;
  }

  /** Appends a token that may come next. */
  push(tokenId: number): void {
    const { automaton } = this.#knowledge;
    for (const byte of this.#constraint.vocabulary.bytesOf(tokenId)) this.#state = automaton.next(this.#state, byte);
    const latest = this.#constraint.knowledge;
    if (latest === this.#knowledge) return;
    this.#state = latest.automaton.adopt(automaton, this.#state);
    this.#knowledge = latest;
  }
}
