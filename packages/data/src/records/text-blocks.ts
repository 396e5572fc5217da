import type { FindEnds } from './record-ends.ts';

/** Whole records of a text, such as lines. */
export interface TextBlock {
  /** Of the first byte. */
  readonly offset: number;
  /** With what ends the records, also where `bytes` is empty. */
  readonly byteLength: number;
  /** Of the first line, from 1. */
  readonly firstLine: number;
  /** Empty when it is one record that is longer than allowed. */
  readonly bytes: Buffer;
  readonly isTooLong: boolean;
}

export interface TextBlocksOptions {
  /** A record that is longer is passed over, and never held in memory. */
  readonly maxBytes: number;
  readonly findEnds: FindEnds;
}

const NEWLINE = 10;

/** Cuts a stream of bytes between records: a block is what has arrived up to the last end of one in it. */
export async function* textBlocksIn(
  chunks: AsyncIterable<Buffer>,
  { maxBytes, findEnds }: TextBlocksOptions,
): AsyncGenerator<TextBlock> {
  let offset = 0;
  let firstLine = 1;
  /** The beginning of a record whose end is not there yet. */
  let begun: Buffer[] = [];
  let begunBytes = 0;
  let begunLines = 0;
  let isTooLong = false;

  const take = (end: Buffer): TextBlock => {
    const bytes = isTooLong ? Buffer.alloc(0) : Buffer.concat([...begun, end]);
    const block = { offset, byteLength: begunBytes + end.length, firstLine, bytes, isTooLong };
    offset += block.byteLength;
    firstLine += begunLines + countLines(end);
    begun = [];
    begunBytes = 0;
    begunLines = 0;
    isTooLong = false;
    return block;
  };
  for await (const chunk of chunks) {
    const { first, last } = findEnds(chunk);
    let taken = 0;
    isTooLong ||= begunBytes + (first > 0 ? first - 1 : chunk.length) > maxBytes;
    if (isTooLong && first > 0) {
      yield take(chunk.subarray(0, first));
      taken = first;
    }
    if (last > taken) {
      yield take(chunk.subarray(taken, last));
      taken = last;
    }
    const rest = chunk.subarray(taken);
    if (isTooLong) begun = [];
    else if (rest.length > 0) begun.push(rest);
    begunBytes += rest.length;
    begunLines += countLines(rest);
  }
  if (begunBytes > 0) yield take(Buffer.alloc(0));
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}
