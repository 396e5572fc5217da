import { findStop } from '../engine/finish.ts';
import { type Decode, Detokenizer } from './detokenize.ts';

/** The text of a completion while it grows; it ends before the first stop string. */
export class CompletionText {
  readonly #detokenizer: Detokenizer;
  readonly #stops: readonly string[];
  #text = '';
  #numTaken = 0;
  #isStopped = false;

  constructor(decode: Decode, stops: readonly string[]) {
    this.#detokenizer = new Detokenizer(decode);
    this.#stops = stops;
  }

  /** Appends a token. Returns the stop string that it completes, if any: the text ends before it then. */
  push(tokenId: number): string | undefined {
    const numSearched = this.#text.length;
    this.#text += this.#detokenizer.push(tokenId);
    const match = findStop(this.#text, this.#stops, numSearched);
    if (!match) return undefined;
    this.#text = this.#text.slice(0, match.at);
    this.#isStopped = true;
    return match.stop;
  }

  /** The text as if no token followed. */
  whole(): string {
    return this.#isStopped ? this.#text : this.#text + this.#detokenizer.rest();
  }

  /** The text since the last time that no later token can take back; all of the rest when the completion has ended. */
  take(hasEnded: boolean): string {
    const text = hasEnded ? this.whole() : this.#text.slice(0, this.#text.length - this.#numUncertain());
    const piece = text.slice(this.#numTaken);
    this.#numTaken += piece.length;
    return piece;
  }

  /** Characters at the end that may be the beginning of a stop string. */
  #numUncertain(): number {
    const longest = Math.max(0, ...this.#stops.map((stop) => stop.length - 1));
    for (let length = Math.min(longest, this.#text.length); length > 0; length--) {
      const tail = this.#text.slice(-length);
      if (this.#stops.some((stop) => stop.length > length && stop.startsWith(tail))) return length;
    }
    return 0;
  }
}
