import type { Packet } from './packet.ts';

/** An ordered, reliable way to one other process. */
export interface Link {
  /** Memory of this process can be read at the other side. @default false */
  readonly lends?: boolean;
  /** It tells when what was sent has arrived. @default false */
  readonly confirms?: boolean;
  /** Takes the packet over; never blocks. What is sent after the end is dropped. */
  send(packet: Packet): void;
  /** Ends it after what was sent; `onClose` follows. */
  close(): void;
}

/** A packet as `link` takes it: as bytes, where it lends no memory. */
export function settledFor(link: Link | undefined, packet: Packet): Packet {
  const { message, payload } = packet;
  if (payload.snapshots === undefined || link?.lends === true) return packet;
  return { message, payload: payload.snapshots.settle(payload) };
}

/** What a link tells its user. */
export interface LinkEvents {
  readonly onPacket: (packet: Packet) => void;
  /** A packet does not leave after all: its call was cancelled before all of it was sent. */
  readonly onUnsent?: (packet: Packet) => void;
  /** Once. No packet comes after it. */
  readonly onClose: (reason: string, cause?: Error) => void;
}

/** A link that is being opened; failing to is an `onClose`. */
export interface Opening extends LinkEvents {
  readonly onOpen: (link: Link) => void;
}
