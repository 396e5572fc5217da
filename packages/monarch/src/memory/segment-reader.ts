import { closeSync, readSync } from 'node:fs';
import { DecodeError } from '../errors.ts';
import { freshBytes } from './fresh-bytes.ts';
import type { Native } from './native.ts';
import { openSegment, type SegmentReference, segmentReference } from './segment-reference.ts';

/** Below this a copy is read: it costs less than a mapping and its end. */
const MAP_BYTES = 2 ** 20;
/** Mappings at a time. Each takes 8 GiB of addresses, which no memory stands behind. */
const MAX_MAPPED = 512;

/** Options of a {@link SegmentReader}. */
export interface SegmentReaderOptions {
  /** `undefined`: everything is read. */
  readonly native: Native | undefined;
  /** Bytes that may be mapped and wait to be collected; what comes above is read. @default 512 MiB */
  readonly maxMappedBytes?: number;
}

/** Memory of a segment that is in use here. */
interface Taken {
  readonly byteLength: number;
  readonly release: () => void;
}

// One for ever: when V8 collects a registry that still has something to say, it never runs a finalizer again.
const collected = new FinalizationRegistry<() => void>((end) => end());

/** Takes what other processes of this machine lend: as memory of its own, writable, unlike any other's. */
export class SegmentReader {
  readonly #native: Native | undefined;
  readonly #maxMappedBytes: number;
  readonly #mapped = new Set<Taken>();
  readonly #takenOf = new WeakMap<ArrayBufferLike, Taken>();
  #mappedBytes = 0;
  readonly #count = { mapped: 0, read: 0 };

  constructor({ native, maxMappedBytes = 512 * 2 ** 20 }: SegmentReaderOptions) {
    this.#native = native;
    this.#maxMappedBytes = maxMappedBytes;
  }

  /** How often memory was taken in each way, and how much is mapped now. */
  get stats(): { readonly mapped: number; readonly read: number; readonly mappedBytes: number } {
    return { ...this.#count, mappedBytes: this.#mappedBytes };
  }

  /**
   * The bytes of a reference. `release` is called once, as soon as nothing here depends on the segment: before this
   * returns or throws, or when the memory was collected: it must not itself refer to that memory.
   *
   * @throws {DecodeError} when the reference is damaged or names no segment.
   */
  take(reference: SegmentReference, release: () => void): Uint8Array<ArrayBuffer> {
    let fd: number;
    try {
      fd = openSegment(segmentReference(reference));
    } catch (error) {
      release();
      throw error;
    }
    try {
      const mapped = this.#map(fd, reference, release);
      if (mapped !== undefined) return mapped;
      const bytes = read(fd, reference);
      this.#count.read++;
      release();
      return bytes;
    } catch (error) {
      release();
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  /** A copy of the bytes of a reference. @throws {DecodeError} when it is damaged or names no segment. */
  read(reference: SegmentReference): Uint8Array<ArrayBuffer> {
    const fd = openSegment(segmentReference(reference));
    try {
      return read(fd, reference);
    } finally {
      closeSync(fd);
    }
  }

  /** Ends the use of memory that was taken, which nobody reads any more, without waiting for it to be collected. */
  giveBack({ buffer }: Uint8Array): void {
    const taken = this.#takenOf.get(buffer);
    if (taken === undefined || !this.#mapped.has(taken) || !(buffer instanceof ArrayBuffer)) return;
    // Only what the native part mapped is in the table.
    this.#native!.detach(buffer);
    this.#end(taken);
  }

  #map(fd: number, reference: SegmentReference, release: () => void): Uint8Array<ArrayBuffer> | undefined {
    const { byteLength, offset } = reference;
    if (this.#native === undefined || byteLength < MAP_BYTES) return undefined;
    if (this.#mappedBytes + byteLength > this.#maxMappedBytes || this.#mapped.size >= MAX_MAPPED) return undefined;
    let memory: ArrayBuffer;
    try {
      memory = this.#native.copyOnWrite(fd, offset, byteLength);
    } catch {
      return undefined; // No addresses left, or too many mappings: a copy needs neither.
    }
    const taken = { byteLength, release };
    this.#mapped.add(taken);
    this.#mappedBytes += byteLength;
    this.#count.mapped++;
    this.#takenOf.set(memory, taken);
    collected.register(memory, () => this.#end(taken));
    return new Uint8Array(memory, 0, byteLength);
  }

  #end(taken: Taken): void {
    if (!this.#mapped.delete(taken)) return;
    this.#mappedBytes -= taken.byteLength;
    taken.release();
  }
}

function read(fd: number, { offset, byteLength }: SegmentReference): Uint8Array<ArrayBuffer> {
  const bytes = freshBytes(byteLength);
  for (let done = 0; done < byteLength; ) {
    const got = readSync(fd, bytes, done, byteLength - done, offset + done);
    if (got === 0) throw new DecodeError(`memory ended ${byteLength - done} bytes early.`);
    done += got;
  }
  return bytes;
}
