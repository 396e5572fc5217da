import { DecodeError } from '../errors.ts';
import { freshBytes } from '../memory/fresh-bytes.ts';
import { ByteReader } from './byte-reader.ts';
import { MAX_BUFFER_BYTES, MAX_FRAME_BYTES, MAX_MESSAGE_BYTES, MAX_TRANSFERS } from './limits.ts';
import { type Message, readMessage } from './message.ts';
import { ITEM, LENGTH_BYTES, type Packet, type PayloadSize, readPacket, readSize, unpackLengths } from './packet.ts';

const NOTHING = new Uint8Array(0);

/** A large packet that is arriving. Memory for a part of it is taken when its first byte has come. */
class Arrival {
  readonly size: PayloadSize;
  readonly #message: Message;
  readonly #parts: Uint8Array[] = [];
  /** Lengths of the parts: at first only of the list of lengths itself. */
  #lengths: readonly number[];
  #filled = 0;
  #arrivedBytes = 0;

  constructor(message: Message, size: PayloadSize) {
    this.#message = message;
    this.size = size;
    this.#lengths = [LENGTH_BYTES * size.buffers];
    this.#openParts();
  }

  /** Adds a chunk; the packet when it was the last. @throws {DecodeError} on more than was announced. */
  add(chunk: Uint8Array): Packet | undefined {
    this.#arrivedBytes += chunk.length;
    if (this.#arrivedBytes > this.size.bodyBytes) throw new DecodeError(`more than ${this.size.bodyBytes} bytes came.`);
    let offset = 0;
    while (offset < chunk.length) {
      // There is a part to fill as long as bytes are announced.
      const part = this.#parts.at(-1)!;
      const taken = chunk.subarray(offset, offset + part.length - this.#filled);
      part.set(taken, this.#filled);
      this.#filled += taken.length;
      offset += taken.length;
      if (this.#filled === part.length) this.#openParts();
    }
    if (this.#arrivedBytes < this.size.bodyBytes) return undefined;
    const [, bytes = NOTHING, lent = NOTHING, ...buffers] = this.#parts;
    return { message: this.#message, payload: { bytes, buffers, ...(lent.length > 0 && { lent }) } };
  }

  /** Opens the next part that has bytes, and the empty ones before it. */
  #openParts(): void {
    this.#filled = 0;
    do {
      if (this.#parts.length === 1) this.#readLengths();
      const length = this.#lengths[this.#parts.length];
      if (length === undefined) return;
      // Every byte is written before anybody sees it.
      this.#parts.push(freshBytes(length, this.size.bodyBytes));
    } while (this.#parts.at(-1)!.length === 0);
  }

  #readLengths(): void {
    const [list = NOTHING] = this.#parts;
    const lengths = unpackLengths(list, this.size);
    const tooLong = lengths.find((length) => length > MAX_BUFFER_BYTES);
    if (tooLong !== undefined) throw new DecodeError(`a buffer has ${tooLong} bytes, more than ${MAX_BUFFER_BYTES}.`);
    this.#lengths = [list.length, this.size.packedBytes, this.size.lentBytes, ...lengths];
  }
}

/** Puts the frames of a session together to packets. */
export class Inbox {
  readonly #arrivals = new Map<number, Arrival>();
  #announcedBytes = 0;

  /** Large packets of which a part has come. */
  get arriving(): number {
    return this.#arrivals.size;
  }

  /**
   * Reads the items of a frame, and says how many packets that gave. Its memory may be used again.
   *
   * @throws {DecodeError} on what no `Outbox` sends.
   */
  read(frame: Uint8Array, headerBytes: number, onPacket: (packet: Packet) => void): number {
    let packets = 0;
    // Small packets are views; large ones are copied to where they belong.
    const isLarge = frame[headerBytes] === ITEM.opening || frame[headerBytes] === ITEM.chunk;
    const reader = new ByteReader(isLarge ? frame : Buffer.from(frame), headerBytes);
    while (!reader.isDone) {
      const kind = reader.u8();
      switch (kind) {
        case ITEM.packet:
          if (isLarge) throw new DecodeError('small packets share a frame with a large one.');
          packets++;
          onPacket(readPacket(reader, MAX_FRAME_BYTES));
          break;
        case ITEM.opening:
          this.#open(reader);
          break;
        case ITEM.chunk: {
          const number = reader.u32();
          const packet = this.#arrival(number).add(reader.sized());
          if (packet === undefined) break;
          this.#forget(number);
          packets++;
          onPacket(packet);
          break;
        }
        case ITEM.abandon:
          this.#forget(reader.u32());
          break;
        default:
          throw new DecodeError(`an item of kind ${kind} is unknown.`);
      }
    }
    return packets;
  }

  clear(): void {
    this.#arrivals.clear();
  }

  #open(reader: ByteReader): void {
    const number = reader.u32();
    const message = readMessage(reader);
    const size = readSize(reader, MAX_MESSAGE_BYTES);
    if (size.bodyBytes === 0) throw new DecodeError('a large packet is empty.');
    if (this.#arrivals.has(number)) throw new DecodeError(`transfer ${number} begins twice.`);
    if (this.#arrivals.size >= MAX_TRANSFERS) throw new DecodeError(`more than ${MAX_TRANSFERS} transfers are open.`);
    this.#announcedBytes += size.bodyBytes;
    if (this.#arrivals.size > 0 && this.#announcedBytes > MAX_MESSAGE_BYTES) {
      throw new DecodeError(`${this.#announcedBytes} bytes are announced at the same time.`);
    }
    this.#arrivals.set(number, new Arrival(message, size));
  }

  #arrival(number: number): Arrival {
    const arrival = this.#arrivals.get(number);
    if (arrival === undefined) throw new DecodeError(`transfer ${number} has not begun.`);
    return arrival;
  }

  #forget(number: number): void {
    this.#announcedBytes -= this.#arrival(number).size.bodyBytes;
    this.#arrivals.delete(number);
  }
}
