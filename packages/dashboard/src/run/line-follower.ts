import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const CHUNK_BYTES = 2 ** 22;
const NEWLINE = 10;

/** A line of a file, and where it begins. */
export interface PlacedLine {
  readonly text: string;
  readonly offset: number;
  readonly byteLength: number;
}

/** Reads the lines that are added to a file, each once, when it is whole. */
export class LineFollower {
  readonly #path: string;
  #file: number | undefined;
  /** Where the first line begins that has not been read. */
  #offset = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * What was added since the last time, some MiB at a time; nothing while there is no such file.
   *
   * @returns also whether the file begins anew: it is shorter than what was read of it.
   */
  *read(): Generator<{ readonly lines: readonly PlacedLine[]; readonly isNew: boolean }> {
    this.#file ??= openIfThere(this.#path);
    if (this.#file === undefined) return;
    const { size } = fstatSync(this.#file);
    let isNew = size < this.#offset;
    if (isNew) this.#offset = 0;
    let length = CHUNK_BYTES;
    while (this.#offset < size || isNew) {
      const bytes = Buffer.allocUnsafe(Math.min(length, size - this.#offset));
      const count = readSync(this.#file, bytes, 0, bytes.length, this.#offset);
      const end = bytes.subarray(0, count).lastIndexOf(NEWLINE) + 1;
      if (end === 0 && count === bytes.length && this.#offset + count < size) {
        length *= 2; // one line is longer than that
        continue;
      }
      yield { lines: linesOf(bytes.subarray(0, end), this.#offset), isNew };
      if (end === 0) return;
      isNew = false;
      this.#offset += end;
    }
  }

  /** The bytes of a line that was read before. */
  readAt(offset: number, byteLength: number): string {
    const bytes = Buffer.allocUnsafe(byteLength);
    const count = this.#file === undefined ? 0 : readSync(this.#file, bytes, 0, byteLength, offset);
    return bytes.toString('utf8', 0, count);
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function linesOf(bytes: Buffer, at: number): readonly PlacedLine[] {
  const lines: PlacedLine[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, start);
    lines.push({ text: bytes.toString('utf8', start, end), offset: at + start, byteLength: end - start });
    start = end + 1;
  }
  return lines;
}
