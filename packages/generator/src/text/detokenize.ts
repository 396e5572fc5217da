const replacement = '\uFFFD';
/** A character has at most four bytes, so at most four tokens; twice that leaves room for tokens that print nothing. */
const numTokensKept = 8;
/** Trimming costs one more decode; doing it each 24 tokens makes that negligible. */
const numTokensBeforeTrim = 32;

/** The text of the whole of `ids`. */
export type Decode = (ids: readonly number[]) => string;

/**
 * Turns tokens into text as they come, holding back a character until its last byte is there.
 * The pieces joined, with `rest()` at the end, are the text of all tokens; a piece is never taken back.
 */
export class Detokenizer {
  readonly #decode: Decode;
  /** The latest tokens: enough of them that decoding needs no earlier one. */
  #window: number[] = [];
  /** Characters of the window's text that are already out. */
  #numOut = 0;

  constructor(decode: Decode) {
    this.#decode = decode;
  }

  /** The text that is certain now and was not before; possibly empty. */
  push(tokenId: number): string {
    this.#window.push(tokenId);
    const text = this.#decode(this.#window);
    // Only the last U+FFFD can stand for a character that is still incomplete: an earlier one is followed by more.
    const certain = text.endsWith(replacement) ? text.length - 1 : text.length;
    const piece = text.slice(this.#numOut, certain);
    this.#numOut = Math.max(this.#numOut, certain);
    if (this.#window.length >= numTokensBeforeTrim) this.#trim(text);
    return piece;
  }

  /** What is still held back. */
  rest(): string {
    return this.#decode(this.#window).slice(this.#numOut);
  }

  #trim(text: string): void {
    const tail = this.#window.slice(-numTokensKept);
    const tailText = this.#decode(tail);
    const numDropped = text.length - tailText.length;
    // A tail that begins inside a character reads differently alone: try again after the next token.
    if (!text.endsWith(tailText) || numDropped > this.#numOut) return;
    this.#window = tail;
    this.#numOut -= numDropped;
  }
}
