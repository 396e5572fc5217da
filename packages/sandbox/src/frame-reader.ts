import type { Readable } from 'node:stream';
import { HEADING_BYTES, readHeading } from './frames.ts';

/** A frame that has arrived whole. */
export interface Frame {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** Why no frame comes any more: the stream has ended, or a frame was larger than agreed. */
export type FramesEnd = 'ended' | 'tooLarge';

/** Reads frames from a stream, one after the other. */
export class FrameReader {
  readonly #frames: AsyncGenerator<Frame, FramesEnd>;

  constructor(stream: Readable, maxPayloadBytes: number) {
    this.#frames = framesOf(stream, maxPayloadBytes);
  }

  /** The next frame, or why there is none. */
  async next(): Promise<Frame | FramesEnd> {
    try {
      const { value } = await this.#frames.next();
      return value ?? 'ended'; // asked again after the end
    } catch {
      return 'ended'; // a connection that was reset
    }
  }
}

async function* framesOf(stream: Readable, maxPayloadBytes: number): AsyncGenerator<Frame, FramesEnd> {
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
      if (length > maxPayloadBytes) return 'tooLarge';
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
  return 'ended';
}
