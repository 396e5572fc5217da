import { DecodeError } from '../errors.ts';
import type { Payload } from './codec.ts';
import { INLINE_BYTES, MAX_BUFFERS, MAX_FRAME_BYTES } from './limits.ts';
import { type Message, packMessage, unpackMessage } from './message.ts';

/** One message with its payload: what a link carries. */
export interface Packet {
  readonly message: Message;
  readonly payload: Payload;
}

/*
 * A packet is one head frame, then one frame for each buffer of INLINE_BYTES or more:
 *
 *   u32 message bytes | u32 payload bytes | u32 buffers | f64 length of each buffer
 *   message | payload | buffers below INLINE_BYTES, back to back
 */
const FIXED_BYTES = 12;
const LENGTH_BYTES = 8;

/** The frames of a packet, in the order in which they must arrive. */
export function toFrames({ message, payload: { bytes, buffers } }: Packet): Uint8Array[] {
  const packed = packMessage(message);
  const inline = buffers.length === 0 ? buffers : buffers.filter((buffer) => buffer.length < INLINE_BYTES);
  const start = FIXED_BYTES + LENGTH_BYTES * buffers.length;
  const inlineBytes = inline.reduce((sum, buffer) => sum + buffer.length, 0);
  const head = Buffer.allocUnsafe(start + packed.length + bytes.length + inlineBytes);
  head.writeUInt32LE(packed.length, 0);
  head.writeUInt32LE(bytes.length, 4);
  head.writeUInt32LE(buffers.length, 8);
  buffers.forEach((buffer, i) => {
    head.writeDoubleLE(buffer.length, FIXED_BYTES + LENGTH_BYTES * i);
  });
  let offset = start;
  for (const part of [packed, bytes, ...inline]) {
    head.set(part, offset);
    offset += part.length;
  }
  return [head, ...buffers.filter((buffer) => buffer.length >= INLINE_BYTES)];
}

interface Opened {
  readonly message: Message;
  readonly bytes: Uint8Array;
  readonly lengths: readonly number[];
  readonly buffers: (Uint8Array | undefined)[];
}

/** Puts frames together to packets. @throws {DecodeError} on frames that are truncated, too long or out of order. */
export class PacketReader {
  #opened: Opened | undefined;
  #next = 0;

  /** The packet that `frame` completes, if any. */
  push(frame: Uint8Array): Packet | undefined {
    if (this.#opened === undefined) {
      this.#opened = open(frame);
      this.#next = 0;
    } else {
      const expected = this.#opened.lengths[this.#next];
      if (frame.length !== expected) throw new DecodeError(`${frame.length} bytes came for a buffer of ${expected}.`);
      this.#opened.buffers[this.#next++] = frame;
    }
    const { message, bytes, buffers } = this.#opened;
    while (this.#next < buffers.length && buffers[this.#next] !== undefined) this.#next++;
    if (this.#next < buffers.length) return undefined;
    this.#opened = undefined;
    return { message, payload: { bytes, buffers: buffers.filter((buffer) => buffer !== undefined) } };
  }
}

function open(frame: Uint8Array): Opened {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const need = (bytes: number) => {
    if (frame.length < bytes) throw new DecodeError(`a head frame of ${frame.length} bytes ends before byte ${bytes}.`);
  };
  need(FIXED_BYTES);
  const [messageBytes, payloadBytes, count] = [
    view.getUint32(0, true),
    view.getUint32(4, true),
    view.getUint32(8, true),
  ];
  if (count > MAX_BUFFERS) throw new DecodeError(`it announces ${count} buffers, more than ${MAX_BUFFERS}.`);
  let offset = FIXED_BYTES + LENGTH_BYTES * count;
  need(offset + messageBytes + payloadBytes);
  const take = (length: number) => {
    need(offset + length);
    offset += length;
    return frame.subarray(offset - length, offset);
  };
  const lengths = Array.from({ length: count }, (_, i) => view.getFloat64(FIXED_BYTES + LENGTH_BYTES * i, true));
  if (!lengths.every((length) => Number.isSafeInteger(length) && length >= 0 && length <= MAX_FRAME_BYTES)) {
    throw new DecodeError(`it announces a buffer of more than ${MAX_FRAME_BYTES} bytes.`);
  }
  const message = unpackMessage(take(messageBytes));
  const bytes = take(payloadBytes);
  // Copied: a small view must not keep the whole frame, and then it is aligned.
  const buffers = lengths.map((length) => (length < INLINE_BYTES ? take(length).slice() : undefined));
  if (offset !== frame.length) throw new DecodeError(`${frame.length - offset} bytes are left over.`);
  return { message, bytes, lengths, buffers };
}
