import { DecodeError } from '../errors.ts';
import { MAX_FRAME_BYTES } from './limits.ts';

/*
 * The part of RFC 6455 that is used here: whole binary messages in one frame each, and its control frames.
 * A client must mask its frames; ours masks with zero, which costs nothing, and any other mask is taken off.
 */
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const FIN = 0x80;
const MASKED = 0x80;
/** Longest head of a frame: two bytes, eight of length, four of mask. */
const MAX_HEAD_BYTES = 14;

/** Writes the head of a frame of `length` bytes to the start of `target`; returns its own length. */
export function writeFrameHead(target: Buffer, length: number, isClient: boolean, opcode = BINARY): number {
  const mask = isClient ? MASKED : 0;
  target[0] = FIN | opcode;
  let offset = 2;
  if (length < 126) {
    target[1] = mask | length;
  } else if (length < 65_536) {
    target[1] = mask | 126;
    offset = target.writeUInt16BE(length, 2);
  } else {
    target[1] = mask | 127;
    target.writeUInt32BE(Math.floor(length / 2 ** 32), 2);
    offset = target.writeUInt32BE(length % 2 ** 32, 6);
  }
  if (isClient) offset = target.writeUInt32LE(0, offset);
  return offset;
}

/** Bytes that {@link writeFrameHead} writes. */
export function frameHeadBytes(length: number, isClient: boolean): number {
  return (length < 126 ? 2 : length < 65_536 ? 4 : 10) + (isClient ? 4 : 0);
}

/** A control frame of a side, without content. */
export function controlFrame(kind: 'close' | 'pong', isClient: boolean): Buffer {
  const frame = Buffer.alloc(MAX_HEAD_BYTES);
  return frame.subarray(0, writeFrameHead(frame, 0, isClient, kind === 'close' ? CLOSE : PONG));
}

/** What comes out of a stream of frames. */
export interface FrameEvents {
  /** A message. Its memory is used again after the call. */
  readonly onFrame: (frame: Uint8Array) => void;
  readonly onPing: () => void;
  readonly onClose: () => void;
}

/** Cuts a stream into frames. A frame that is whole in what was read is a view on it, any other is put together in one buffer that is used again. */
export class FrameReader {
  readonly #events: FrameEvents;
  readonly #head = Buffer.alloc(MAX_HEAD_BYTES);
  #headBytes = 0;
  #scratch = new Uint8Array(0);
  /** Of the frame that is being read. */
  #opcode = 0;
  #mask = 0;
  #length = -1;
  #filled = 0;

  constructor(events: FrameEvents) {
    this.#events = events;
  }

  /** @throws {DecodeError} on what is no frame of this kind, or one too large. */
  push(read: Uint8Array): void {
    let offset = 0;
    while (offset < read.length) {
      if (this.#length < 0) {
        offset = this.#readHead(read, offset);
        if (this.#length !== 0) continue;
      }
      const length = Math.min(this.#length - this.#filled, read.length - offset);
      // Not as a Buffer, whose slice() is a view: copies made of frames must be copies.
      const taken = new Uint8Array(read.buffer, read.byteOffset + offset, length);
      offset += length;
      if (taken.length === this.#length) {
        this.#complete(taken);
        continue;
      }
      if (this.#scratch.length < this.#length) this.#scratch = new Uint8Array(this.#length);
      this.#scratch.set(taken, this.#filled);
      this.#filled += taken.length;
      if (this.#filled === this.#length) this.#complete(this.#scratch.subarray(0, this.#length));
    }
  }

  /** Reads what there is of a head; returns where it stopped. */
  #readHead(chunk: Uint8Array, start: number): number {
    const head = this.#head;
    let offset = start;
    let need = 2;
    while (true) {
      while (this.#headBytes < need && offset < chunk.length) head[this.#headBytes++] = chunk[offset++] ?? 0;
      if (this.#headBytes < need) return offset;
      const whole = headLength(head);
      if (need === whole) break;
      need = whole;
    }
    this.#headBytes = 0;
    this.#openFrame(head);
    return offset;
  }

  #openFrame(head: Buffer): void {
    const first = head[0] ?? 0;
    const opcode = first & 0x0f;
    const short = (head[1] ?? 0) & 0x7f;
    const isMasked = (head[1] ?? 0) >= MASKED;
    if ((first & 0x70) !== 0) throw new DecodeError('a frame has reserved bits.');
    if ((first & FIN) === 0) throw new DecodeError('a message is cut into several frames.');
    const length =
      short === 126
        ? head.readUInt16BE(2)
        : short === 127
          ? head.readUInt32BE(2) * 2 ** 32 + head.readUInt32BE(6)
          : short;
    if (opcode !== BINARY && opcode !== CLOSE && opcode !== PING && opcode !== PONG) {
      throw new DecodeError(`a frame has the kind ${opcode}.`);
    }
    const limit = opcode === BINARY ? MAX_FRAME_BYTES : 125;
    if (length > limit) throw new DecodeError(`a frame has ${length} bytes, more than ${limit}.`);
    this.#opcode = opcode;
    this.#mask = isMasked ? head.readUInt32BE(headLength(head) - 4) : 0;
    this.#length = length;
    this.#filled = 0;
  }

  #complete(frame: Uint8Array): void {
    this.#length = -1;
    if (this.#mask !== 0) unmask(frame, this.#mask);
    if (this.#opcode === BINARY) this.#events.onFrame(frame);
    else if (this.#opcode === PING) this.#events.onPing();
    else if (this.#opcode === CLOSE) this.#events.onClose();
  }
}

/** Length of a head, by its first two bytes. */
function headLength(head: Buffer): number {
  const second = head[1] ?? 0;
  const short = second & 0x7f;
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (second >= MASKED ? 4 : 0);
}

function unmask(bytes: Uint8Array, mask: number): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) ^ ((mask >>> (24 - 8 * (i & 3))) & 0xff);
}
