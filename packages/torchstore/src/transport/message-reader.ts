import { crc32 } from 'node:zlib';
import { FrameError } from '../failures.ts';
import type { ByteSink } from './byte-sink.ts';
import { damaged, decodeHead, type FrameHead, headerBytes, lengthsOf, maxMessageBytes } from './frame.ts';
import { decodeWebSocketHead, maxWebSocketHeadBytes, unmask, type WebSocketHead } from './websocket-head.ts';

/** What comes out of a stream of WebSocket frames. */
export interface MessageEvents {
  /** A head has arrived; returns memory for its payload, exactly as long. */
  readonly onHead: (head: FrameHead) => Uint8Array;
  /** A message is whole, and its checksums are right if it has any. */
  readonly onMessage: (head: FrameHead, payload: Uint8Array) => void;
  readonly onPing: (content: Uint8Array) => void;
  readonly onClose: (content: Uint8Array) => void;
}

/** A message whose payload is arriving. */
interface Arriving {
  readonly head: FrameHead;
  readonly payload: Uint8Array;
  readonly mask: number;
  /** Where the payload begins behind the WebSocket head. */
  readonly start: number;
  filled: number;
  checksum: number;
}

/** Heads are read together with what follows them: little enough that the copy of it costs nothing. */
const minInboxBytes = 2 ** 13;

/** Cuts a stream into messages. What arrives of a payload lies where `onHead` wants it at once: nothing is joined or copied. */
export class MessageReader implements ByteSink {
  readonly #events: MessageEvents;
  #inbox = new Uint8Array(minInboxBytes);
  #start = 0;
  #end = 0;
  #arriving: Arriving | undefined;

  constructor(events: MessageEvents) {
    this.#events = events;
  }

  /** The request whose payload is arriving. */
  get receiving(): number | undefined {
    return this.#arriving?.head.request;
  }

  next(): Uint8Array {
    if (this.#arriving !== undefined) return this.#arriving.payload.subarray(this.#arriving.filled);
    if (this.#end === this.#inbox.length) this.#makeRoom(0);
    return this.#inbox.subarray(this.#end);
  }

  /** @throws {FrameError} on what is no frame, breaks a limit, or was damaged. */
  advance(bytes: number): void {
    if (this.#arriving === undefined) this.#end += bytes;
    else this.#fill(this.#arriving, bytes);
    while (this.#arriving === undefined && this.#start < this.#end && this.#readFrame()) {}
    if (this.#start === this.#end) this.#start = this.#end = 0;
  }

  /** Reads a frame from the inbox; false when more of it must arrive first. */
  #readFrame(): boolean {
    const bytes = this.#inbox.subarray(this.#start, this.#end);
    const frame = decodeWebSocketHead(bytes, maxMessageBytes);
    if (frame === undefined) return this.#wantsMore(maxWebSocketHeadBytes);
    return frame.opcode === 'binary' ? this.#readMessage(frame, bytes) : this.#readControl(frame, bytes);
  }

  #readControl({ opcode, headBytes, length, mask }: WebSocketHead, bytes: Uint8Array): boolean {
    const end = headBytes + length;
    if (bytes.length < end) return this.#wantsMore(end);
    const content = bytes.slice(headBytes, end);
    unmask(content, mask, 0);
    this.#start += end;
    if (opcode === 'ping') this.#events.onPing(content);
    else if (opcode === 'close') this.#events.onClose(content);
    return true;
  }

  #readMessage({ headBytes, length, mask }: WebSocketHead, bytes: Uint8Array): boolean {
    if (length < headerBytes) throw new FrameError(`A message of ${length} bytes has no frame header.`);
    if (bytes.length < headBytes + headerBytes) return this.#wantsMore(headBytes + headerBytes);
    const { metaBytes, payloadBytes } = lengthsOf(unmasked(bytes.subarray(headBytes, headBytes + headerBytes), mask));
    const start = headerBytes + metaBytes;
    if (length !== start + payloadBytes) {
      throw new FrameError(`A frame announced ${start + payloadBytes} bytes and brought ${length}.`);
    }
    if (bytes.length < headBytes + start) return this.#wantsMore(headBytes + start);
    const head = decodeHead(unmasked(bytes.subarray(headBytes, headBytes + start), mask));
    const payload = this.#events.onHead(head);
    const arriving: Arriving = { head, payload, mask, start, filled: 0, checksum: 0 };
    this.#arriving = arriving;
    const here = bytes.subarray(headBytes + start, headBytes + length);
    payload.set(here);
    this.#start += headBytes + start + here.length;
    this.#fill(arriving, here.length);
    return true;
  }

  #fill(arriving: Arriving, bytes: number): void {
    const { head, payload, mask, start, filled } = arriving;
    const part = payload.subarray(filled, filled + bytes);
    unmask(part, mask, start + filled);
    // Of what has just been read, while it is in the cache.
    if (head.checksum !== undefined) arriving.checksum = crc32(part, arriving.checksum);
    arriving.filled += bytes;
    if (arriving.filled < payload.length) return;
    this.#arriving = undefined;
    if (head.checksum !== undefined && head.checksum !== arriving.checksum) throw damaged('payload');
    this.#events.onMessage(head, payload);
  }

  /** Makes room for so many bytes from the start of the frame on. */
  #wantsMore(bytes: number): false {
    if (this.#inbox.length - this.#start < bytes) this.#makeRoom(bytes);
    return false;
  }

  #makeRoom(bytes: number): void {
    const present = this.#inbox.subarray(this.#start, this.#end);
    if (bytes > this.#inbox.length) {
      this.#inbox = new Uint8Array(bytes);
      this.#inbox.set(present);
    } else this.#inbox.copyWithin(0, this.#start, this.#end);
    this.#start = 0;
    this.#end = present.length;
  }
}

/** Bytes without their mask; they stay as they are in the inbox, where they may be read again. */
function unmasked(bytes: Uint8Array, mask: number): Uint8Array {
  if (mask === 0) return bytes;
  const copy = bytes.slice();
  unmask(copy, mask, 0);
  return copy;
}
