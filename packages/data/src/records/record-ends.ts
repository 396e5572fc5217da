/**
 * Finds where records end in a stream: the places behind the first and the last end in each chunk, 0 where there is none. To be
 * called with one chunk after the other; it remembers what is open.
 */
export type FindEnds = (chunk: Buffer) => { readonly first: number; readonly last: number };

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const WHITE_SPACE: readonly number[] = Array.from(' \t\r\n', (mark) => mark.charCodeAt(0));
const OPENING: readonly number[] = Array.from('[{', (mark) => mark.charCodeAt(0));
const CLOSING: readonly number[] = Array.from(']}', (mark) => mark.charCodeAt(0));

/** Each line is a record. */
export const lineEnds: FindEnds = (chunk) => ({
  first: chunk.indexOf(NEWLINE) + 1,
  last: chunk.lastIndexOf(NEWLINE) + 1,
});

/** Whether a record ends with a byte, asked of one byte after the other. */
export type IsEnd = (byte: number) => boolean;

/** Each line is a record, but for line ends in quotes, which open a field and are doubled within it. */
export function csvEnd(delimiter: number): IsEnd {
  let isQuoted = false;
  /** Only there a quote opens. */
  let isFieldStart = true;
  return (byte) => {
    if (byte === QUOTE && (isQuoted || isFieldStart)) {
      isQuoted = !isQuoted;
      isFieldStart = !isQuoted; // a quote that is doubled opens the field again
      return false;
    }
    if (isQuoted) return false;
    isFieldStart = byte === delimiter || byte === NEWLINE;
    return byte === NEWLINE;
  };
}

/** A place in a text where something is wrong. */
export interface TextProblem {
  /** From 1. */
  readonly line: number;
  readonly problem: string;
}

/** The elements of a JSON list are records, each with the comma behind it, and the last with the bracket. */
export class ListElements {
  #depth: number;
  #isEnded = false;
  #isText = false;
  #isEscaped = false;
  #line = 1;
  /** The bracket or the comma that an element has to follow, while nothing but white space does. */
  #opening: { readonly byte: number; readonly line: number } | undefined;

  /** @param depth - 1 within the list. @default 0, before it */
  constructor(depth: 0 | 1 = 0) {
    this.#depth = depth;
  }

  /** Whether an element ends with a byte, asked of one byte after the other. */
  readonly isEnd: IsEnd = (byte) => {
    if (byte === NEWLINE) this.#line += 1;
    if (this.#isText) {
      this.#isText = this.#isEscaped || byte !== QUOTE;
      this.#isEscaped = !this.#isEscaped && byte === BACKSLASH;
      return false;
    }
    if (WHITE_SPACE.includes(byte)) return false;
    this.#opening = undefined;
    if (byte === QUOTE) this.#isText = true;
    else if (OPENING.includes(byte)) this.#depth += 1;
    else if (CLOSING.includes(byte)) {
      this.#depth -= 1;
      this.#isEnded = this.#depth === 0;
      return this.#isEnded;
    } else if (byte !== COMMA) return false;
    if (this.#depth !== 1 || byte === QUOTE) return false;
    this.#opening = { byte, line: this.#line };
    return byte === COMMA;
  };

  /** What is wrong when the text ends here. */
  atEnd(): TextProblem | undefined {
    if (this.#isEnded) return undefined;
    const { byte, line } = this.#opening ?? {};
    const place = byte === undefined ? 'in an element.' : `behind: ${String.fromCharCode(byte)}`;
    return { line: line ?? this.#line, problem: `the list is cut off ${place}` };
  }
}

/** Looks for ends byte by byte. */
export function endsBy(isEnd: IsEnd): FindEnds {
  return (chunk) => {
    let first = 0;
    let last = 0;
    for (let at = 0; at < chunk.length; at++) {
      if (!isEnd(chunk[at]!)) continue; // within the chunk
      last = at + 1;
      if (first === 0) first = last;
    }
    return { first, last };
  };
}
