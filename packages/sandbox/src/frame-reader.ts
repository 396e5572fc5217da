import type { Readable } from 'node:stream';
import { HEADING_BYTES, readHeading } from './frames.ts';

/** A frame that has arrived whole. */
export interface Frame {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** Reads frames from a stream, one after the other. A frame that is larger than agreed ends it. */
export class FrameReader {
  readonly #frames: AsyncGenerator<Frame>;

  constructor(stream: Readable, maxPayloadBytes: number) {
    this.#frames = framesOf(stream, maxPayloadBytes);
  }

  /** The next frame; none when the stream has ended. */
  async next(): Promise<Frame | undefined> {
    try {
      const { value, done } = await this.#frames.next();
      return done ? undefined : value;
    } catch {
      return undefined; // a connection that is reset has ended, too
    }
  }
}

async function* framesOf(stream: Readable, maxPayloadBytes: number): AsyncGenerator<Frame, void> {
  let chunks: Uint8Array[] = [];
  let available = 0;
  let needed = HEADING_BYTES;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    available += chunk.length;
    if (available < needed) continue;
    let bytes: Uint8Array = chunks.length === 1 ? chunk : Buffer.concat(chunks);
    needed = HEADING_BYTES;
    while (bytes.length >= HEADING_BYTES) {
      const { type, length } = readHeading(bytes);
      if (length > maxPayloadBytes) return;
      const end = HEADING_BYTES + length;
      if (bytes.length < end) {
        needed = end;
        break;
      }
      yield { type, payload: bytes.subarray(HEADING_BYTES, end) };
      bytes = bytes.subarray(end);
    }
    chunks = [bytes];
    available = bytes.length;
  }
}
