import { closeSync, constants, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { nodeCrypto } from '../program/node-crypto.ts';
import { type MappedFile, type Native, PAGE_BYTES, pagesOf } from './native.ts';

/** First bytes of every segment, before its nonce. */
export const MAGIC = Buffer.from('forge segment 1\n');
/** Of the nonce that follows. Who can name it was told of the segment by its owner. */
export const NONCE_BYTES = 16;

/** Opens a file that never has a name, so that nothing is left of it when this process ends, however it does. Source: asm-generic/fcntl.h. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;
const ZEROS = new Uint8Array(PAGE_BYTES);

/**
 * Memory that other processes of this machine can read: a tmpfs file without a name, kept by its descriptor.
 * Its first page says what it is; what it holds begins with the second.
 */
export class Segment {
  readonly fd: number;
  /** Of what it holds. */
  readonly capacity: number;
  readonly nonce: string;
  readonly device: number;
  readonly inode: number;
  readonly #native: Native | undefined;
  readonly #byteLength: number;
  /** Made when pages that exist are written again: then it takes them all at once. */
  #mapped: MappedFile | undefined;
  /** Bytes of the file that have pages. Others must not be touched through memory: on a full disk that is a SIGBUS. */
  #allocated = 0;

  /** @throws what the file system says, such as ENOSPC. */
  constructor(directory: string, capacity: number, native: Native | undefined) {
    const byteLength = PAGE_BYTES + pagesOf(capacity);
    const nonce = nodeCrypto().randomBytes(NONCE_BYTES);
    this.fd = openSync(directory, O_TMPFILE | constants.O_RDWR | constants.O_EXCL, 0o600);
    this.capacity = byteLength - PAGE_BYTES;
    this.#byteLength = byteLength;
    this.#native = native;
    this.nonce = nonce.toString('hex');
    try {
      ftruncateSync(this.fd, byteLength);
      this.#append([MAGIC, nonce]);
      const { dev, ino } = fstatSync(this.fd);
      this.device = dev;
      this.inode = ino;
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
  }

  /** Where what it holds begins. */
  get offset(): number {
    return PAGE_BYTES;
  }

  /** Replaces what it holds; `bytes` fit its capacity. The rest of their last page is zeros. @throws ENOSPC and the like */
  write(bytes: Uint8Array): void {
    const start = PAGE_BYTES;
    const tail = ZEROS.subarray(0, pagesOf(bytes.length) - bytes.length);
    const memory = this.#allocated > start ? this.#map() : undefined;
    const known = memory === undefined ? 0 : Math.min(this.#allocated - start, bytes.length);
    memory?.set(bytes.subarray(0, known), start);
    if (known < bytes.length) this.#writeAt(start + known, [bytes.subarray(known), tail]);
    else memory?.set(tail, start + bytes.length);
  }

  /** Gives its memory back once the last mapping of it is gone. */
  close(): void {
    this.#mapped?.unmap();
    closeSync(this.fd);
  }

  #map(): Uint8Array | undefined {
    this.#mapped ??= this.#native?.mapFile(this.fd, this.#byteLength, { populates: true });
    return this.#mapped?.bytes;
  }

  #append(parts: readonly Uint8Array[]): void {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    this.#writeAt(this.#allocated, [...parts, ZEROS.subarray(0, pagesOf(length) - length)]);
  }

  /** Writes as a file: a page that cannot be had is an error then. */
  #writeAt(position: number, parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      for (let done = 0; done < part.length; ) {
        const written = writeSync(this.fd, part, done, part.length - done, position + done);
        done += written;
      }
      position += part.length;
    }
    this.#allocated = Math.max(this.#allocated, position);
  }
}
