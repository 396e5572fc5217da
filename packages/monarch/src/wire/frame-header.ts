import { DecodeError } from '../errors.ts';

/** kind | number of this frame | number of the last frame received */
export const HEADER_BYTES = 13;
/** Of a number: enough for 90 years at 100,000 frames a second. */
const NUMBER_BYTES = 6;

/** What every frame of a session begins with. */
export interface FrameHeader {
  /** Frames of a session are numbered from 1. */
  readonly seq: number;
  /** The last frame that arrived from the other side, with all before it. */
  readonly ack: number;
}

/** Writes a header to the start of a frame. */
export function writeHeader(frame: Buffer, kind: number, { seq, ack }: FrameHeader): void {
  frame[0] = kind;
  frame.writeUIntLE(seq, 1, NUMBER_BYTES);
  frame.writeUIntLE(ack, 1 + NUMBER_BYTES, NUMBER_BYTES);
}

/** The header of a frame. @throws {DecodeError} */
export function readHeader(frame: Uint8Array): FrameHeader {
  if (frame.length < HEADER_BYTES) throw new DecodeError(`a frame of ${frame.length} bytes is too short.`);
  // Of any Uint8Array: a view of another kind costs more than the two numbers.
  const seq = Buffer.prototype.readUIntLE.call(frame, 1, NUMBER_BYTES);
  const ack = Buffer.prototype.readUIntLE.call(frame, 1 + NUMBER_BYTES, NUMBER_BYTES);
  return { seq, ack };
}
