/**
 * Finds where records end in a stream: the places behind the first and the last end in each chunk, 0 where there is none. To be
 * called with one chunk after the other; it remembers what is open.
 */
export type FindEnds = (chunk: Buffer) => { readonly first: number; readonly last: number };

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
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

/**
 * The elements of a JSON list are records, each with the comma behind it, and the last with the bracket.
 *
 * @param depth - 1 within the list. @default 0, before it
 */
export function listEnd(depth: 0 | 1 = 0): IsEnd {
  let open: number = depth;
  let isText = false;
  let isEscaped = false;
  return (byte) => {
    if (isText) {
      isText = isEscaped || byte !== QUOTE;
      isEscaped = !isEscaped && byte === BACKSLASH;
      return false;
    }
    if (byte === QUOTE) isText = true;
    else if (OPENING.includes(byte)) open += 1;
    else if (CLOSING.includes(byte)) return --open === 0;
    return byte === COMMA && open === 1;
  };
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
