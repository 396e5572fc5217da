import type { Tokenizer } from '@forge/models';
import { ConstraintError } from '../errors.ts';
import { Constraint } from './constraint.ts';
import type { Network } from './network.ts';
import type { StructuredOutputs } from './structured-outputs.ts';
import { readVocabulary, type Vocabulary } from './vocabulary.ts';

/** Constraints that are kept for requests with the same one, each with what is known of it. */
const MAX_KEPT = 16;

/** How tokens spell texts. */
export type TokenTexts = Pick<Tokenizer, 'tokenBytes' | 'dropsLeadingSpace'>;

/** The constraints of the requests of one engine, over one vocabulary. */
export class Constraints {
  readonly #tokens: TokenTexts;
  readonly #vocabSize: number;
  readonly #compile: (outputs: StructuredOutputs) => Network;
  /** By what was asked for, the latest last. */
  readonly #kept = new Map<string, { readonly network: Network; constraint?: Constraint }>();
  #vocabulary: Promise<Vocabulary> | undefined;
  #isSpelled: boolean | undefined;

  private constructor(tokens: TokenTexts, vocabSize: number, compile: (outputs: StructuredOutputs) => Network) {
    this.#tokens = tokens;
    this.#vocabSize = vocabSize;
    this.#compile = compile;
  }

  /** Loads what reads patterns: its tables of Unicode take a tenth of a second, which others do not spend. */
  static async open(tokens: TokenTexts, vocabSize: number): Promise<Constraints> {
    const { compile } = await import('./output-grammar.ts');
    return new Constraints(tokens, vocabSize, compile);
  }

  /** @throws {ConstraintError} when a constraint cannot be obeyed. */
  check(outputs: StructuredOutputs): void {
    this.#compiled(outputs);
  }

  /** A constraint. The first one waits until the vocabulary is read. @throws {ConstraintError} when it cannot be obeyed */
  async of(outputs: StructuredOutputs): Promise<Constraint> {
    const compiled = this.#compiled(outputs);
    const { tokenBytes, dropsLeadingSpace } = this.#tokens;
    this.#vocabulary ??= readVocabulary(tokenBytes, this.#vocabSize);
    const vocabulary = await this.#vocabulary;
    compiled.constraint ??= new Constraint(compiled.network, vocabulary, { dropsLeadingSpace });
    return compiled.constraint;
  }

  #compiled(outputs: StructuredOutputs): { readonly network: Network; constraint?: Constraint } {
    this.#isSpelled ??= isSpelled(this.#tokens, this.#vocabSize);
    if (!this.#isSpelled) throw new ConstraintError('the bytes of the tokens of this tokenizer are not known.');
    try {
      return this.#keep(JSON.stringify(outputs), outputs);
    } catch (error) {
      // The depth of the stack, which the parts of patterns and schemas are read on, is not known before.
      if (error instanceof RangeError) throw new ConstraintError('its parts are nested too deeply.', { cause: error });
      throw error;
    }
  }

  #keep(key: string, outputs: StructuredOutputs): { readonly network: Network; constraint?: Constraint } {
    const compiled = this.#kept.get(key) ?? { network: this.#compile(outputs) };
    this.#kept.delete(key);
    this.#kept.set(key, compiled);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return compiled;
  }
}

function isSpelled({ tokenBytes }: TokenTexts, vocabSize: number): boolean {
  for (let id = 0; id < vocabSize; id++) if (tokenBytes(id)) return true;
  return false;
}
