import { Queue } from '../collections/queue.ts';
import { ByteWriter } from './byte-writer.ts';
import { CHUNK_BYTES, MAX_MESSAGE_BYTES, MAX_TRANSFERS, SMALL_BYTES } from './limits.ts';
import { channelOf, comesLast, isRequest, writeMessage } from './message.ts';
import { ITEM, type Packet, type PayloadSize, packLengths, sizeOf, writePacket, writeSize } from './packet.ts';

/** Parts of one chunk: many small buffers are cut there instead of by their bytes. */
const MAX_PARTS = 256;

const NOTHING = new Uint8Array(0);

/** A large packet on its way. */
interface Transfer {
  readonly channel: number;
  readonly packet: Packet;
  readonly size: PayloadSize;
  readonly number: number;
  /** The body, from which chunks are cut. */
  readonly parts: readonly Uint8Array[];
  /** Where the next chunk begins. */
  part: number;
  offset: number;
  sentBytes: number;
}

/** Sent when every channel that waited when it came has got as far as it. */
interface Barrier {
  readonly behind: Packet;
  channels: number;
}

/**
 * What a session has to send, cut into frames. Small packets of one turn share a frame. Large ones are cut into chunks
 * and take turns with each other and with the small ones. Only packets of the same channel wait for them, and
 * requests to end something: those come after all that was sent before.
 */
export class Outbox {
  readonly #writer = new ByteWriter();
  #small = new Queue<Packet>();
  /** Channels with a large packet: it, and what waits behind it. */
  readonly #channels = new Map<number, (Packet | Barrier)[]>();
  /** Channels whose large packet has not begun: it comes after the small ones that were there before it. */
  readonly #waiting: { readonly channel: number; readonly after: number }[] = [];
  #smallCount = 0;
  /** In the order of their turns. */
  readonly #transfers: Transfer[] = [];
  #transferBytes = 0;
  #abandoned: number[] = [];
  #nextTransfer = 1;
  #isSmallsTurn = true;
  #onLastArrived: (() => void) | undefined;
  readonly #onUnsent: (packet: Packet) => void;

  /** `onUnsent` is told of every packet that is dropped. */
  constructor(onUnsent: (packet: Packet) => void = () => {}) {
    this.#onUnsent = onUnsent;
  }

  push(packet: Packet): void {
    const { message } = packet;
    if (message[0] === 'cancel') this.drop('request', message[1]);
    const channel = channelOf(message);
    const waiting = channel === undefined ? undefined : this.#channels.get(channel);
    if (channel === undefined) this.#addSmall(packet);
    else if (this.#channels.size > 0 && comesLast(message)) this.#raiseBarrier(packet);
    else if (waiting !== undefined) waiting.push(packet);
    else this.#release(packet, channel);
  }

  /** Forgets what is still to be sent of the request of a call from here, or of the answers to one from there. */
  drop(what: 'request' | 'answer', call: number): void {
    for (const [channel, packets] of this.#channels) {
      const isDropped = ({ message }: Packet) =>
        message[0] !== 'cast' && message[1] === call && isRequest(message) === (what === 'request');
      const kept = packets.filter((packet) => 'behind' in packet || !isDropped(packet));
      if (kept.length === packets.length) continue;
      for (const packet of packets) if (!('behind' in packet) && isDropped(packet)) this.#onUnsent(packet);
      if (kept[0] !== packets[0]) this.#unblock(channel, kept);
      else this.#channels.set(channel, kept);
    }
  }

  get isEmpty(): boolean {
    return this.#small.size === 0 && this.#channels.size === 0 && this.#abandoned.length === 0;
  }

  /** The content of the next frame, behind `headerBytes` that are left free in its first part. */
  next(headerBytes: number): [Buffer, ...Uint8Array[]] | undefined {
    this.#begin();
    const hasSmall = this.#small.size > 0 || this.#abandoned.length > 0;
    const hasLarge = this.#transfers.length > 0;
    if (!hasSmall && !hasLarge) return undefined;
    // The other side must know of what is abandoned before something else begins in its place.
    const isSmallsTurn = hasSmall && (this.#isSmallsTurn || !hasLarge || this.#abandoned.length > 0);
    this.#isSmallsTurn = !isSmallsTurn;
    this.#writer.skip(headerBytes);
    return isSmallsTurn ? [this.#smallItems()] : this.#chunk();
  }

  /** To be called when the frame that was cut last has arrived, if that is of interest. */
  takeOnArrived(): (() => void) | undefined {
    const onArrived = this.#onLastArrived;
    this.#onLastArrived = undefined;
    return onArrived;
  }

  clear(): void {
    this.#small = new Queue();
    this.#channels.clear();
    this.#waiting.length = 0;
    this.#transfers.length = 0;
    this.#abandoned = [];
  }

  #smallItems(): Buffer {
    for (const number of this.#abandoned) {
      this.#writer.u8(ITEM.abandon);
      this.#writer.u32(number);
    }
    this.#abandoned = [];
    while (this.#small.size > 0 && this.#writer.length <= SMALL_BYTES) {
      // There is one.
      const packet = this.#small.shift()!;
      writePacket(this.#writer, packet, sizeOf(packet.payload));
    }
    return this.#writer.take();
  }

  /** Sends a packet that waits for nothing: small ones soon, a large one blocks its channel. */
  #release(packet: Packet, channel: number): void {
    if (isLarge(packet)) this.#block(channel, [packet]);
    else this.#addSmall(packet);
  }

  #addSmall(packet: Packet): void {
    this.#small.push(packet);
    this.#smallCount++;
  }

  /** A channel gets a large packet, first of `packets`. */
  #block(channel: number, packets: (Packet | Barrier)[]): void {
    this.#channels.set(channel, packets);
    this.#waiting.push({ channel, after: this.#smallCount });
  }

  #raiseBarrier(behind: Packet): void {
    const barrier = { behind, channels: this.#channels.size };
    for (const packets of this.#channels.values()) packets.push(barrier);
  }

  /** The large packet of a channel is done with: small ones behind it go on, up to the next large one. */
  #unblock(channel: number, packets: readonly (Packet | Barrier)[]): void {
    this.#channels.delete(channel);
    remove(
      this.#waiting,
      this.#waiting.findIndex((waiting) => waiting.channel === channel),
    );
    const index = this.#transfers.findIndex((transfer) => transfer.channel === channel);
    const transfer = this.#transfers[index];
    if (transfer !== undefined) {
      remove(this.#transfers, index);
      this.#transferBytes -= transfer.size.bodyBytes;
      if (transfer.sentBytes > 0 && transfer.sentBytes < transfer.size.bodyBytes) this.#abandoned.push(transfer.number);
    }
    for (const [i, next] of packets.entries()) {
      const blocked = this.#channels.get(channel);
      if (blocked !== undefined) {
        blocked.push(...packets.slice(i));
        return;
      }
      if (!('behind' in next)) this.#release(next, channel);
      else if (--next.channels === 0) this.#pass(next.behind);
    }
  }

  /** What a barrier held back goes on. */
  #pass(packet: Packet): void {
    const waiting = this.#channels.get(0);
    if (waiting === undefined) this.#release(packet, 0);
    else waiting.push(packet);
  }

  /** Lets waiting large packets begin, as far as the other side will take them. */
  #begin(): void {
    while (this.#waiting.length > 0 && this.#transfers.length < MAX_TRANSFERS) {
      const { channel, after } = this.#waiting[0]!;
      if (after > this.#smallCount - this.#small.size) return;
      // A waiting channel has its large packet first.
      const packet = this.#channels.get(channel)![0] as Packet;
      const size = sizeOf(packet.payload);
      if (this.#transfers.length > 0 && this.#transferBytes + size.bodyBytes > MAX_MESSAGE_BYTES) return;
      this.#waiting.shift();
      const { bytes, buffers, lent = NOTHING } = packet.payload;
      const parts = [packLengths(buffers), bytes, lent, ...buffers].filter((part) => part.length > 0);
      this.#transferBytes += size.bodyBytes;
      const number = this.#nextTransfer++;
      this.#transfers.push({ channel, packet, size, number, parts, part: 0, offset: 0, sentBytes: 0 });
    }
  }

  #chunk(): [Buffer, ...Uint8Array[]] {
    // Called with a transfer only.
    const transfer = this.#transfers.shift()!;
    if (transfer.sentBytes === 0) {
      this.#writer.u8(ITEM.opening);
      this.#writer.u32(transfer.number);
      writeMessage(this.#writer, transfer.packet.message);
      writeSize(this.#writer, transfer.size);
    }
    const chunk: Uint8Array[] = [];
    let bytes = 0;
    while (bytes < CHUNK_BYTES && chunk.length < MAX_PARTS && transfer.part < transfer.parts.length) {
      const part = transfer.parts[transfer.part]!;
      const taken = part.subarray(transfer.offset, transfer.offset + CHUNK_BYTES - bytes);
      chunk.push(taken);
      bytes += taken.length;
      transfer.offset += taken.length;
      if (transfer.offset < part.length) continue;
      transfer.part++;
      transfer.offset = 0;
    }
    transfer.sentBytes += bytes;
    this.#writer.u8(ITEM.chunk);
    this.#writer.u32(transfer.number);
    this.#writer.count(bytes);
    this.#transfers.push(transfer);
    // Its own packet is first.
    if (transfer.part === transfer.parts.length) {
      this.#onLastArrived = transfer.packet.payload.onArrived;
      this.#unblock(transfer.channel, this.#channels.get(transfer.channel)!.slice(1));
    }
    return [this.#writer.take(), ...chunk];
  }
}

function isLarge({ payload }: Packet): boolean {
  const { bytes, buffers, lent } = payload;
  return (buffers.length === 0 && lent === undefined ? bytes.length : sizeOf(payload).bodyBytes) > SMALL_BYTES;
}

function remove(list: unknown[], index: number): void {
  if (index >= 0) list.splice(index, 1);
}
