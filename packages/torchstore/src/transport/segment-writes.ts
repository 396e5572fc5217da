import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { FrameError } from '../failures.ts';
import { isInMemory, type MappedBytes, mappedFiles } from '../mapped-files.ts';
import { claimWarm, minWarmBytes, removeWarm } from '../warm-segments.ts';
import { maxPayloadBytes } from './frame.ts';
import type { WriteRequest } from './requests.ts';
import { sessionOf } from './transport.ts';

interface OpenSegment {
  readonly descriptor: number;
  /** Present when all its pages are there: what arrives is read into them. */
  readonly mapped: MappedBytes | undefined;
  readonly bytes: number;
}

/** Where the payload of a write goes. */
export interface Landing {
  /** As long as the payload. */
  readonly memory: Uint8Array;
  /** Once the payload has arrived. @throws an error with code ENOSPC when the volume is full */
  readonly settle: () => void;
}

/** The segments that one session writes. Frames may come twice: what they bring lies where it lay before. */
export class SegmentWrites implements Disposable {
  readonly #directory: string;
  readonly #session: string;
  readonly #isInMemory: boolean;
  readonly #open = new Map<string, OpenSegment>();
  #scratch: Uint8Array | undefined;

  constructor({ directory, session }: { readonly directory: string; readonly session: string }) {
    this.#directory = directory;
    this.#session = session;
    this.#isInMemory = isInMemory(directory);
  }

  /** Memory for a payload. @throws {FrameError} on what this session cannot write */
  land(request: WriteRequest, payloadBytes: number): Landing {
    const { segment, offset } = request;
    this.#check(segment);
    const end = offset + payloadBytes;
    if (end > request.bytes)
      throw new FrameError(`A write to ${segment} ends at byte ${end} of ${request.bytes}, behind the end.`);
    const own = this.#open.get(segment) ?? this.#begin(request);
    if (request.bytes !== own.bytes)
      throw new FrameError(`A segment of ${own.bytes} bytes, ${segment}, is said to have ${request.bytes}.`);
    if (own.mapped !== undefined && end <= own.mapped.bytes.length)
      return { memory: own.mapped.bytes.subarray(offset, end), settle: () => {} };
    this.#scratch ??= new Uint8Array(maxPayloadBytes);
    const memory = this.#scratch.subarray(0, payloadBytes);
    return { memory, settle: () => this.#withRoom(() => writeAll(own.descriptor, memory, offset)) };
  }

  #check(segment: string): void {
    if (sessionOf(segment) !== this.#session)
      throw new FrameError(`Session ${this.#session} cannot write the segment ${segment}.`);
  }

  #begin({ segment, bytes, overwrites }: WriteRequest): OpenSegment {
    const isLarge = bytes >= minWarmBytes;
    const isThere = overwrites || (isLarge && this.#isInMemory && claimWarm(this.#directory, segment, bytes));
    const { O_CREAT, O_EXCL, O_RDWR } = constants;
    const flags = O_CREAT | O_RDWR | (isThere ? 0 : O_EXCL); // without O_TRUNC: pages that are there are used again
    const descriptor = this.#withRoom(() => openSync(join(this.#directory, segment), flags, 0o600));
    const maps = isThere && isLarge && this.#isInMemory;
    const mapped = maps ? mappedFiles.open(descriptor, { populates: true }) : undefined;
    const own = { descriptor, mapped, bytes };
    this.#open.set(segment, own);
    return own;
  }

  /** Memory that waits for a writer goes first when there is no more. */
  #withRoom<T>(task: () => T): T {
    try {
      return task();
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      removeWarm(this.#directory);
      mappedFiles.unmapIdle();
      return task();
    }
  }

  /** Nothing more is written to a segment. That it was sealed before is no mistake: its answer may have been lost. */
  seal(segment: string): void {
    this.#check(segment);
    const own = this.#open.get(segment);
    if (own === undefined) return;
    this.#open.delete(segment);
    own.mapped?.[Symbol.dispose]();
    closeSync(own.descriptor);
  }

  [Symbol.dispose](): void {
    for (const segment of [...this.#open.keys()]) this.seal(segment);
  }
}

/** On this thread: a frame takes a fraction of a millisecond, less than a turn of the thread pool. */
function writeAll(descriptor: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
  }
}
