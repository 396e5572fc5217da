import { closeSync } from 'node:fs';
import { DecodeError } from '../errors.ts';
import { EMPTY, type Payload, pack } from '../wire/codec.ts';
import type { Link, Opening } from '../wire/link.ts';
import type { LinkMessage } from '../wire/message.ts';
import type { Packet } from '../wire/packet.ts';
import { unpack } from '../wire/unpack.ts';
import type { ProcessMemory } from './process-memory.ts';
import { openSegment, type SegmentReference, segmentReference } from './segment-reference.ts';

/** A buffer that is lent: its place among those of the payload, and where it is. */
type LentPart = readonly [index: number, reference: SegmentReference];

/**
 * A link that lends the large buffers of packets instead of sending them. The packets travel as they did, in the order
 * of all. In both directions:
 *
 * ```
 *   ── probe (card) ──▶          can you read this?
 *   ◀── probed                   from now on memory is lent
 *   ── a packet (what it lends) ──▶   mapped, or read, when it arrives
 *   ◀── release lease            nothing there depends on it any more
 * ```
 */
export class LendingLink implements Link {
  readonly #link: Link;
  readonly #memory: ProcessMemory;
  #lends = false;
  #hasEnded = false;

  constructor(link: Link, memory: ProcessMemory) {
    this.#link = link;
    this.#memory = memory;
    const { card } = memory;
    if (card !== undefined) this.#say(['probe'], { ...EMPTY, bytes: pack(card) });
  }

  /** Puts a lending link between a link that is being opened and its user. */
  static around({ onOpen, onPacket, onClose }: Opening, memory: ProcessMemory): Opening {
    let lending: LendingLink | undefined;
    return {
      onOpen: (link) => {
        lending = new LendingLink(link, memory);
        onOpen(lending);
      },
      onPacket: (packet) => {
        const own = lending === undefined ? packet : lending.#take(packet);
        if (own !== undefined) onPacket(own);
      },
      onUnsent: (packet) => {
        if (lending !== undefined) lending.#takeBack(packet);
      },
      onClose: (reason, cause) => {
        if (lending !== undefined) lending.#end();
        onClose(reason, cause);
      },
    };
  }

  /** The other side can read memory of this process. */
  get lends(): boolean {
    return this.#lends && !this.#hasEnded;
  }

  send(packet: Packet): void {
    if (this.#hasEnded) return;
    this.#link.send(packet.payload.buffers.length > 0 && this.#lends ? this.#lend(packet) : packet);
  }

  close(): void {
    this.#link.close();
  }

  #lend(packet: Packet): Packet {
    const { message, payload } = packet;
    const parts: LentPart[] = [];
    const buffers: Uint8Array[] = [];
    payload.buffers.forEach((buffer, index) => {
      const reference = this.#memory.lend(buffer, this);
      if (reference === undefined) buffers.push(buffer);
      else parts.push([index, reference]);
    });
    if (parts.length === 0) return packet;
    return { message, payload: { bytes: payload.bytes, buffers, lent: pack(parts) } };
  }

  /** What came for the user of this link. @throws {DecodeError} on what the other side never sends. */
  #take(packet: Packet): Packet | undefined {
    const { message, payload } = packet;
    switch (message[0]) {
      case 'probe':
        this.#probe(segmentReference(unpack(payload.bytes)));
        return undefined;
      case 'probed':
        this.#lends = true;
        return undefined;
      case 'release':
        this.#memory.pool.release(message[1], this);
        return undefined;
      default:
        return payload.lent === undefined ? packet : { message, payload: this.#whole(payload, payload.lent) };
    }
  }

  /** A packet is not sent after all: the other side does not know what was lent with it. */
  #takeBack({ payload: { lent } }: Packet): void {
    if (lent === undefined) return;
    for (const [, { lease }] of lentParts(lent)) this.#memory.pool.release(lease, this);
  }

  #probe(card: SegmentReference): void {
    try {
      closeSync(openSegment(card));
    } catch {
      return; // Another user, another container: frames do.
    }
    this.#say(['probed']);
  }

  #whole(payload: Payload, lent: Uint8Array): Payload {
    const parts = new Map(lentParts(lent));
    const others = payload.buffers.values();
    let damage: DecodeError | undefined;
    const buffers = Array.from({ length: parts.size + payload.buffers.length }, (_, index) => {
      const reference = parts.get(index);
      const other = reference === undefined ? others.next().value : undefined;
      if (other !== undefined) return other;
      if (reference === undefined) throw new DecodeError('the parts that are lent are damaged.');
      try {
        return this.#memory.reader.take(reference, () => this.#release(reference.lease));
      } catch (error) {
        // Nothing of it can be had; the message itself is told what happened to it.
        damage = error instanceof DecodeError ? error : new DecodeError('memory cannot be read.', { cause: error });
        return new Uint8Array(0);
      }
    });
    return { bytes: payload.bytes, buffers, ...(damage !== undefined && { damage }) };
  }

  #release(lease: number): void {
    this.#say(['release', lease]);
  }

  #say(message: LinkMessage, payload = EMPTY): void {
    if (!this.#hasEnded) this.#link.send({ message, payload });
  }

  /** What the other side has mapped stays as it is; nobody will say when it is done. */
  #end(): void {
    this.#hasEnded = true;
    this.#memory.pool.lose(this);
  }
}

/** @throws {DecodeError} */
function lentParts(bytes: Uint8Array): LentPart[] {
  const parts = unpack(bytes);
  const isPart = (part: unknown): part is readonly unknown[] => Array.isArray(part) && Number.isSafeInteger(part[0]);
  if (!Array.isArray(parts) || !parts.every(isPart)) throw new DecodeError('the list of lent memory is damaged.');
  return parts.map(([index, reference]) => [Number(index), segmentReference(reference)]);
}
