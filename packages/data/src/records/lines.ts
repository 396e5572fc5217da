/** Whole lines of a text. */
export interface LineBlock {
  /** Of the first byte. */
  readonly offset: number;
  /** With all line ends, also where `bytes` is empty. */
  readonly byteLength: number;
  /** Of the first line, from 1. */
  readonly firstLine: number;
  /** Empty when it is one line that is longer than allowed. */
  readonly bytes: Buffer;
  readonly isTooLong: boolean;
}

export interface LinesOptions {
  /** A line that is longer is passed over, and never held in memory. */
  readonly maxLineBytes: number;
}

const NEWLINE = 10;

/** Cuts a stream of bytes between lines: a block is what has arrived up to the last line end in it. */
export async function* linesIn(
  chunks: AsyncIterable<Buffer>,
  { maxLineBytes }: LinesOptions,
): AsyncGenerator<LineBlock> {
  let offset = 0;
  let firstLine = 1;
  /** The beginning of a line whose end is not there yet. */
  let begun: Buffer[] = [];
  let begunBytes = 0;
  let isTooLong = false;

  const take = (bytes: Buffer, byteLength: number): LineBlock => {
    const block = { offset, byteLength, firstLine, bytes, isTooLong };
    offset += byteLength;
    firstLine += isTooLong ? 1 : countLines(bytes);
    begun = [];
    begunBytes = 0;
    isTooLong = false;
    return block;
  };
  for await (const chunk of chunks) {
    let rest = chunk;
    if (isTooLong || begunBytes + firstLineLength(rest) > maxLineBytes) {
      isTooLong = true;
      begun = [];
      const end = rest.indexOf(NEWLINE) + 1;
      begunBytes += end === 0 ? rest.length : end;
      if (end === 0) continue;
      yield take(Buffer.alloc(0), begunBytes);
      rest = rest.subarray(end);
    }
    const end = rest.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      const bytes = Buffer.concat([...begun, rest.subarray(0, end)]);
      yield take(bytes, bytes.length);
      rest = rest.subarray(end);
    }
    if (rest.length > 0) begun.push(Buffer.from(rest)); // a copy: streams use their memory again
    begunBytes += rest.length;
  }
  if (begunBytes > 0) yield take(Buffer.concat(begun), begunBytes);
}

function firstLineLength(chunk: Buffer): number {
  const end = chunk.indexOf(NEWLINE);
  return end < 0 ? chunk.length : end;
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}
