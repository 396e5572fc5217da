import type { Fetch } from '../byte-box.ts';

/** How bytes travel between a client and a volume. */
export type TransportKind = 'tmpfs' | 'websocket';

/** How bytes travel: between a client and a volume, or with the metadata. */
export type ByteWay = TransportKind | 'inline';

/** How long a transfer may go on. */
export interface TransferOptions {
  /** Ends the transfer, which rejects with its reason: at most a window of frames travels on. */
  readonly signal?: AbortSignal | undefined;
}

/** How a segment is written. */
export interface WriteOptions extends TransferOptions {
  /** The segment may exist, and nobody reads it: its memory is used again. @default false: it must be new */
  readonly overwrites?: boolean;
}

/** Moves bytes between this process and one volume. What it reads is immutable; what it writes nobody reads yet. */
export interface Transport {
  readonly kind: TransportKind;
  /** Writes buffers side by side into a segment. They must not change until it resolves. */
  write(segment: string, buffers: readonly Uint8Array[], options?: WriteOptions): Promise<void>;
  /** Reads boxes to where they are wanted. When it rejects, some of the targets may have been written; none is afterwards. */
  read(fetches: readonly Fetch[], options?: TransferOptions): Promise<void>;
}

/** What a client must know to reach a volume. */
export interface VolumeAddress {
  readonly id: string;
  readonly url: string;
  /** Whoever presents it may read and write the volume's bytes. */
  readonly token: string;
  readonly directory: string;
  readonly nonce: string;
}

const segmentPattern = /^([A-Za-z0-9-]{1,64})\/\d{1,15}$/;

/** The session that a segment belongs to; undefined when the text is not the name of one. */
export function sessionOf(segment: string): string | undefined {
  return segmentPattern.exec(segment)?.[1];
}
