import {
  closeSync,
  openSync,
  readSync,
  read as readWithCallback,
  writevSync,
  writev as writevWithCallback,
} from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { forEachRun, planRuns, type RunPlan } from '@forge/tensor';
import { byteCount, copyBytes, copyOf, type Fetch, splitFetch } from './byte-box.ts';
import { type MappedBytes, mappedFiles } from './mapped-files.ts';

const read = promisify(readWithCallback);
const writev = promisify(writevWithCallback);

/** One system call moves at most this much: the limit of the system is 2^31 - 1, and smaller pieces let others run. */
const maxBytesPerCall = 64 * 2 ** 20;
/** The system takes 1024 buffers a call. */
const maxBuffersPerCall = 512;
/** Calls up to this size are made on this thread: they take a fraction of a millisecond, less than a turn of the thread pool. */
const maxSyncBytes = 2 ** 20;
/** Runs are read together while the gap between them costs less than a system call. */
const maxGapBytes = 8 * 2 ** 10;
/** Runs are read together up to this many bytes, gaps included. */
const windowBytes = 2 ** 20;
/** What a call costs at least, in bytes moved. */
const minBytesPerCall = 16 * 2 ** 10;
/** Bytes moved on this thread before others get a turn; about a millisecond. */
const bytesPerTurn = 4 * 2 ** 20;
/**
 * Bytes copied at once between memory and memory, 25 ms in which nothing else runs on this thread: only a copy much larger
 * than the caches passes by them, and then it takes two thirds of the time.
 */
const maxBytesPerCopy = 256 * 2 ** 20;

/** Bytes that all together have moved on this thread since others had a turn. */
let bytesThisTurn = 0;

/** Lets timers and sockets run from time to time: calls on this thread alone would keep them waiting for ever. */
async function takeTurn(bytes: number): Promise<void> {
  bytesThisTurn += Math.max(bytes, minBytesPerCall);
  if (bytesThisTurn < bytesPerTurn) return;
  bytesThisTurn = 0;
  await setImmediate();
}

/** A file that is open for reading, by one fetch at a time. */
export class SegmentReader implements Disposable {
  readonly #descriptor: number;
  readonly #path: string;
  readonly #mapped: MappedBytes | undefined;
  #scratch: Uint8Array | undefined;

  /**
   * @param maps the file lies in memory, and so much is read of it that a mapping is worth it
   * @throws an error with code ENOENT when the segment is gone.
   */
  constructor(path: string, { maps = false }: { readonly maps?: boolean } = {}) {
    this.#path = path;
    this.#descriptor = openSync(path, maps ? 'r+' : 'r');
    this.#mapped = maps ? mappedFiles.open(this.#descriptor) : undefined;
  }

  /** Fills `target` from a place in the file. */
  async fill(target: Uint8Array, position: number): Promise<void> {
    let done = 0;
    while (done < target.length) {
      const length = Math.min(target.length - done, maxBytesPerCall);
      const isShort = length <= maxSyncBytes;
      if (isShort) await takeTurn(length);
      const count = isShort
        ? readSync(this.#descriptor, target, done, length, position + done)
        : (await read(this.#descriptor, target, done, length, position + done)).bytesRead;
      if (count === 0) throw new RangeError(`${this.#path} ends ${target.length - done} bytes too early.`);
      done += count;
    }
  }

  /** Reads a box to where its fetch wants it; runs that lie close together are read in one call. */
  async fetch(fetch: Fetch): Promise<void> {
    if (this.#mapped !== undefined) return this.#copy(fetch, this.#mapped.bytes);
    const { runLength } = planRuns(copyOf(fetch));
    if (runLength >= windowBytes) await this.#fetchPart(fetch);
    // Cut first: the list of short runs stays as small as the scratch memory.
    else for (const part of splitFetch(fetch, 2 * windowBytes)) await this.#fetchPart(part);
  }

  async #copy(fetch: Fetch, source: Uint8Array): Promise<void> {
    for (const part of splitFetch(fetch, maxBytesPerCopy)) {
      const { box, target } = part;
      const plan = planRuns(copyOf(part));
      await takeTurn(byteCount(box));
      forEachRun(plan, (from, to) => {
        const start = box.byteOffset + from;
        const missing = start + plan.runLength - source.length;
        if (missing > 0) throw new RangeError(`${this.#path} ends ${missing} bytes too early.`);
        copyBytes({ source, from: start, target, to, length: plan.runLength });
      });
    }
  }

  async #fetchPart(fetch: Fetch): Promise<void> {
    const plan = planRuns(copyOf(fetch));
    const { target, box } = fetch;
    for (const { start, end, sources, targets } of windowsOf(plan)) {
      if (sources.length === 1) {
        await this.fill(target.subarray(targets[0]!, targets[0]! + plan.runLength), box.byteOffset + start);
        continue;
      }
      this.#scratch ??= Buffer.allocUnsafeSlow(windowBytes);
      const source = this.#scratch;
      await this.fill(source.subarray(0, end - start), box.byteOffset + start);
      for (let index = 0; index < sources.length; index += 1) {
        copyBytes({ source, from: sources[index]! - start, target, to: targets[index]!, length: plan.runLength });
      }
    }
  }

  [Symbol.dispose](): void {
    this.#mapped?.[Symbol.dispose]();
    closeSync(this.#descriptor);
  }
}

/** Runs that are read in one call. */
interface Window {
  readonly start: number;
  end: number;
  readonly sources: number[];
  readonly targets: number[];
}

/** Groups the runs of a plan, which come in rising order of the source. */
function windowsOf(plan: RunPlan): Window[] {
  const windows: Window[] = [];
  forEachRun(plan, (source, target) => {
    const last = windows.at(-1);
    const end = source + plan.runLength;
    if (last !== undefined && source - last.end <= maxGapBytes && end - last.start <= windowBytes) {
      last.end = end;
      last.sources.push(source);
      last.targets.push(target);
    } else {
      windows.push({ start: source, end, sources: [source], targets: [target] });
    }
  });
  return windows;
}

/** Writes buffers side by side into a file, from a place on. */
export async function writeBuffers(
  descriptor: number,
  buffers: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let queue = buffers.filter(({ length }) => length > 0);
  while (queue.length > 0) {
    const call: Uint8Array[] = [];
    let bytes = 0;
    for (const buffer of queue) {
      if (bytes >= maxBytesPerCall || call.length >= maxBuffersPerCall) break;
      const part = buffer.subarray(0, maxBytesPerCall - bytes);
      call.push(part);
      bytes += part.length;
    }
    const isShort = bytes <= maxSyncBytes;
    if (isShort) await takeTurn(bytes);
    const count = isShort
      ? writevSync(descriptor, call, position)
      : (await writev(descriptor, call, position)).bytesWritten;
    position += count;
    queue = withoutFirst(queue, count);
  }
}

/** Copies buffers side by side into memory, as far as it reaches; returns those that remain. */
export async function copyBuffers(target: Uint8Array, buffers: readonly Uint8Array[]): Promise<Uint8Array[]> {
  let position = 0;
  for (const buffer of buffers) {
    const end = Math.min(buffer.length, target.length - position);
    for (let start = 0; start < end; start += maxBytesPerCopy) {
      const part = buffer.subarray(start, Math.min(start + maxBytesPerCopy, end));
      await takeTurn(part.length);
      target.set(part, position + start);
    }
    position += end;
  }
  return withoutFirst(buffers, position);
}

/** What remains of a queue of buffers after so many bytes; the system may write less than it was given. */
function withoutFirst(queue: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let index = 0;
  while (index < queue.length && queue[index]!.length <= bytes) {
    bytes -= queue[index]!.length;
    index += 1;
  }
  const [first, ...rest] = queue.slice(index);
  return first === undefined ? [] : [first.subarray(bytes), ...rest];
}
