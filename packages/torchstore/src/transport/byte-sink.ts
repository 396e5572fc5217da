/** Takes what is read of a socket, in memory of its own choice. */
export interface ByteSink {
  /** Memory for what is read next: at least one byte. */
  next(): Uint8Array;
  /** So many bytes of it have been read. */
  advance(bytes: number): void;
}

/** Gives bytes that were read elsewhere to a sink. */
export function pour(bytes: Uint8Array, sink: ByteSink): void {
  for (let start = 0; start < bytes.length; ) {
    const memory = sink.next();
    const part = bytes.subarray(start, start + memory.length);
    memory.set(part);
    start += part.length;
    sink.advance(part.length);
  }
}
