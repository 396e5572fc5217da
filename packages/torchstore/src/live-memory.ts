import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { loadNative, type Native } from '@forge/monarch/memory';
import { isInMemory } from './mapped-files.ts';
import type { Link, Session } from './session.ts';

/** Where a segment of live memory is written: one volume whose memory this process shares. */
export interface LiveHome {
  readonly session: Session;
  readonly link: Link;
  readonly directory: string;
}

/** The place of bytes that lie in a segment already. */
export interface SegmentSpot {
  readonly segment: string;
  readonly byteOffset: number;
}

/** Says when a segment may be written, and under which name. */
export type ClaimSegment = (segment: string) => Promise<string>;

/**
 * Memory of the publishing process whose pages are those of a segment, so that publishing it copies nothing:
 *
 *   open: writes are in segment a ──seal──▶ a can be published; what is written now stays private, page by page
 *     ▲                                                                             │
 *     └────── writes are in segment b, into which all was copied once ◀──open───────┘
 *
 * The address stays the same. Invariant: a segment is never written through this memory after it was sealed, so what
 * readers map cannot change.
 */
export class LiveMemory {
  readonly buffer: ArrayBuffer;
  readonly #native: Native;
  readonly #byteLength: number;
  #home: LiveHome | undefined;
  #current: string | undefined;
  #other: string | undefined;
  #isSealed = true;
  /** Of the current segment while it is open: its name may be gone before it is sealed. */
  #fd: number | undefined;

  private constructor(native: Native, byteLength: number) {
    this.buffer = native.reserve(byteLength);
    this.#native = native;
    this.#byteLength = byteLength;
  }

  /** Zeros, which have no segment yet; undefined where there is no such memory, or not in one piece. */
  static reserve(byteLength: number): LiveMemory | undefined {
    const native = loadNative();
    try {
      return native === undefined ? undefined : new LiveMemory(native, byteLength);
    } catch {
      return undefined; // more than 4 GiB, or no addresses are left
    }
  }

  /** Whether what was sealed, or left behind by an ended session, has to be copied before the next seal. */
  needsOpening({ session }: LiveHome): boolean {
    return this.#isSealed || this.#home?.session !== session;
  }

  /** Makes writes go to a segment that nobody reads. Nothing may be written meanwhile. @throws {VolumeFullError} */
  async open(home: LiveHome, claim: ClaimSegment): Promise<void> {
    const isMoved = this.#home?.session !== home.session;
    const name = (isMoved ? undefined : this.#other) ?? home.session.nextSegment();
    const segment = await claim(name);
    // Written before it is mapped: every page exists then, and a tmpfs that is full is an error and not the end of the process.
    await home.link.transport.write(segment, [new Uint8Array(this.buffer, 0, this.#byteLength)], { overwrites: true });
    this.#closeFile();
    this.#fd = openSync(join(home.directory, segment), 'r+');
    this.#lay(this.#fd, true);
    this.#other = isMoved ? undefined : this.#current;
    this.#home = home;
    this.#current = segment;
    this.#isSealed = false;
  }

  /** From now on the segment stays as it is. */
  seal(): void {
    if (this.#fd !== undefined) this.#lay(this.#fd, false);
    this.#isSealed = true;
    this.#closeFile();
  }

  /** Where bytes of this memory lie in a segment of a session; undefined when they are others, or lie elsewhere. */
  spotOf({ buffer, byteOffset }: Uint8Array, session: Session): SegmentSpot | undefined {
    if (buffer !== this.buffer || this.#current === undefined || this.#home?.session !== session) return undefined;
    return { segment: this.#current, byteOffset };
  }

  #lay(fd: number, isShared: boolean): void {
    this.#native.overlay(this.buffer, 0, { fd, offset: 0, byteLength: this.#byteLength, isShared });
  }

  #closeFile(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** The memory stays what it is, for whoever holds it, and is nobody else's from now on. */
  [Symbol.dispose](): void {
    this.seal();
  }
}

/** The one volume that a rank writes to, if it is memory of this host; undefined when bytes have to be copied to where they go. */
export async function liveHome(session: Session, rank: number): Promise<LiveHome | undefined> {
  const [link, ...replicas] = await session.homes(rank);
  if (link === undefined || replicas.length > 0 || link.transport.kind !== 'tmpfs') return undefined;
  const directory = (await session.directories()).get(link.volume);
  return directory !== undefined && isInMemory(directory) ? { session, link, directory } : undefined;
}
