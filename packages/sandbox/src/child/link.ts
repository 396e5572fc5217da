import { readSync, writeSync } from 'node:fs';
import { encodeFrame, type FrameType, HEADING_BYTES, readHeading } from '../frames.ts';

/** The pipe to the sandbox: not one that Node opens for itself, and so one that blocks. */
const LINK = 3;

/** Sends a frame to the sandbox, and waits until it is written. */
export function send(type: FrameType, payload?: Uint8Array): void {
  const frame = encodeFrame(type, payload);
  for (let sent = 0; sent < frame.length; ) sent += writeSync(LINK, frame, sent);
}

/** Waits for a frame from the sandbox; the process ends with it. @returns its payload. */
export function receive(): Uint8Array {
  return receiveBytes(readHeading(receiveBytes(HEADING_BYTES)).length);
}

function receiveBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let read = 0; read < length; ) {
    const count = readSync(LINK, bytes, read, length - read, null);
    if (count === 0) process.exit(0);
    read += count;
  }
  return bytes;
}
