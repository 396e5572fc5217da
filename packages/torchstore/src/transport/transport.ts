import { join } from 'node:path';
import type { Fetch } from '../byte-box.ts';

/** How bytes travel between a client and a volume. */
export type TransportKind = 'tmpfs' | 'unix' | 'websocket';

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
  /** Bytes have checksums, on their way and with the pieces they are of. */
  readonly isChecked: boolean;
  /**
   * Writes buffers side by side into a segment. They must not change until it resolves.
   * @returns the CRC-32 of each buffer where bytes have checksums
   */
  write(
    segment: string,
    buffers: readonly Uint8Array[],
    options?: WriteOptions,
  ): Promise<readonly number[] | undefined>;
  /**
   * Reads boxes to where they are wanted, and tells their proofs what has arrived. When it rejects, some of the targets
   * may have been written; none is written afterwards.
   */
  read(fetches: readonly Fetch[], options?: TransferOptions): Promise<void>;
}

/** What a client must know to reach a volume. */
export interface VolumeAddress {
  readonly id: string;
  readonly url: string;
  /** Certificates that the one of a `wss:` url must be signed by, in PEM. */
  readonly ca?: string;
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

/** The system takes no longer path for a socket. */
const maxSocketPathBytes = 107;

/** Where a volume listens for processes that see its directory; undefined when that path is too long. */
export function socketPathOf(directory: string): string | undefined {
  const path = join(directory, 'socket');
  return Buffer.byteLength(path) > maxSocketPathBytes ? undefined : path;
}

/** The url of a socket in the file system. */
export function socketUrl(path: string): string {
  return `ws+unix://${path.split('/').map(encodeURIComponent).join('/')}`;
}
