import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { writeFully } from './write-fully.ts';

/** A file as it was written. */
export interface WrittenFile {
  readonly bytes: number;
  readonly crc32: number;
}

/** The disk begins to store what was written after so many bytes, so that little is left to wait for in the end. */
const SYNC_BYTES = 1 << 28;

/** Writes pieces one after the other, and sums them: while one is on its way to the file the next can be made. */
export class PieceWriter {
  readonly #handle: FileHandle;
  #written: WrittenFile = { bytes: 0, crc32: 0 };
  #writing: Promise<void> = Promise.resolve();
  #syncing: Promise<void> | undefined;
  #unsyncedBytes = 0;
  readonly #failures: unknown[] = [];

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Resolves when the piece before this one is written; rejects when it could not be. */
  async write(bytes: Uint8Array): Promise<void> {
    const { bytes: before, crc32: sum } = this.#written;
    this.#written = { bytes: before + bytes.length, crc32: crc32(bytes, sum) };
    await this.#writing;
    this.#writing = writeFully(this.#handle, bytes);
    this.#writing.catch(() => undefined); // the next piece, or the end, tells of it
    this.#unsyncedBytes += bytes.length;
    if (this.#unsyncedBytes >= SYNC_BYTES && this.#syncing === undefined) this.#beginSync();
  }

  /** Resolves when everything is on the disk. */
  async finish(): Promise<WrittenFile> {
    await this.#writing;
    await this.#syncing;
    await this.#handle.sync();
    if (this.#failures.length > 0) throw this.#failures[0];
    return this.#written;
  }

  #beginSync(): void {
    this.#unsyncedBytes = 0;
    this.#syncing = this.#handle
      .datasync()
      // The system tells of a failure once: it is kept for the end.
      .catch((error: unknown) => this.#failures.push(error))
      .then(() => {
        this.#syncing = undefined;
      });
  }
}
