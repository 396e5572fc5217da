import { closeSync, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import {
  bytesPerElement,
  contains,
  elementCount,
  forEachRun,
  planRuns,
  type Region,
  type Tensor,
  viewElements,
} from '@forge/tensor';
import type { HeldPart, LocatedTensor } from './batch.ts';
import { isInMemory } from './mapped-files.ts';
import { ViewMemory, viewMemoryOf } from './view-memory.ts';

/** Below this a copy costs less than a mapping and its end. */
const minViewBytes = 2 ** 20;
/** Views at a time in this process; the system has a limit of mappings, which others need too. */
const maxViews = 16_384;
/** A mapping begins at a multiple of this. */
const pageBytes = 4096;
const bytesPerBlock = 512;

let viewCount = 0;

/** Maps a region of a located tensor; undefined when it must be copied. */
export type ViewTensor = (located: LocatedTensor, region: Region) => Tensor | undefined;

/** The views that one read has handed out. What they show stays as it is until the last of them has ended. */
export class Views {
  readonly #directories: ReadonlyMap<string, string>;
  readonly #onEnd: () => void;
  readonly #located: readonly LocatedTensor[];
  readonly #inMemory = new Map<string, boolean>();
  #memory: ViewMemory | undefined;
  /** One more than there are views, until all have been made. */
  #open = 1;
  readonly #made: Tensor[] = [];

  /**
   * @param directories where the volumes keep their segments, as far as this process sees them
   * @param located all that this read may show
   * @param onEnd called when the last has ended
   */
  constructor(directories: ReadonlyMap<string, string>, located: readonly LocatedTensor[], onEnd: () => void) {
    this.#directories = directories;
    this.#located = located;
    this.#onEnd = onEnd;
  }

  /** Maps a region. */
  readonly view: ViewTensor = (located, region) => {
    const byteLength = byteLengthOf(located, region.size);
    if (byteLength < minViewBytes || viewCount >= maxViews) return undefined;
    for (const part of located.parts) {
      const directory = this.#directories.get(part.place.volume);
      if (directory === undefined || !this.#isInMemory(directory) || !contains(part.region, region)) continue;
      const start = startOf(located, { part, region, bytes: byteLength });
      if (start === undefined) continue;
      const bytes = this.#map(join(directory, part.place.segment), start, byteLength);
      if (bytes === undefined) continue;
      const { dtype } = located;
      const count = elementCount(region.size);
      const data = viewElements(dtype, bytes.buffer, { byteOffset: bytes.byteOffset, count });
      const tensor = { dtype, shape: region.size, data };
      this.#made.push(tensor);
      return tensor;
    }
    return undefined;
  };

  /** Bytes of a file as memory that starts as they are, and whose changes stay private. */
  #map(path: string, start: number, byteLength: number): Uint8Array<ArrayBuffer> | undefined {
    const room = addressesFor(byteLength);
    if (this.#memory?.hasRoom(room) !== true) this.#memory = ViewMemory.reserve(Math.max(this.#allBytes(), room));
    if (this.#memory?.hasRoom(room) !== true) return undefined;
    let fd: number | undefined;
    try {
      fd = openSync(path, 'r');
      const { size, blocks } = fstatSync(fd);
      // A page that is not there could not be had when memory is full, and that ends a process.
      if (start + byteLength > size || blocks * bytesPerBlock < size) return undefined;
      const shift = start % pageBytes;
      const bytes = this.#memory.lay({ fd, offset: start - shift, byteLength: shift + byteLength }, () => {
        viewCount -= 1;
        this.#endOne();
      });
      this.#open += 1;
      viewCount += 1;
      return bytes.subarray(shift);
    } catch {
      return undefined; // the segment is gone, or no addresses are left: reading says what is wrong, if anything is
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }

  #isInMemory(directory: string): boolean {
    const known = this.#inMemory.get(directory) ?? isInMemory(directory);
    this.#inMemory.set(directory, known);
    return known;
  }

  /** Addresses that all views of this read may take. */
  #allBytes(): number {
    return this.#located.reduce((sum, each) => sum + addressesFor(byteLengthOf(each, each.shape)), 0);
  }

  #endOne(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#onEnd();
  }

  /** No more will be made; of a read that failed, nobody has any. */
  close({ hasFailed }: { readonly hasFailed: boolean }): void {
    if (hasFailed) releaseViews(this.#made);
    this.#made.length = 0; // they would keep themselves from being collected
    this.#endOne();
  }
}

function byteLengthOf({ dtype }: LocatedTensor, size: readonly number[]): number {
  return elementCount(size) * bytesPerElement(dtype);
}

/** What a view takes at most: it may begin and end within a page. */
function addressesFor(byteLength: number): number {
  return byteLength < minViewBytes ? 0 : byteLength + 2 * pageBytes;
}

/** Where a region begins in the segment of a part; undefined when its bytes do not lie side by side there. */
function startOf(
  { dtype }: LocatedTensor,
  { part, region, bytes }: { readonly part: HeldPart; readonly region: Region; readonly bytes: number },
): number | undefined {
  const width = bytesPerElement(dtype);
  const size = [...region.size, width];
  const plan = planRuns({
    sourceShape: [...part.region.size, width],
    sourceOffset: [...region.offset.map((offset, dim) => offset - part.region.offset[dim]!), 0],
    targetShape: size,
    targetOffset: size.map(() => 0),
    size,
  });
  if (plan.runLength !== bytes) return undefined;
  let start = part.place.byteOffset;
  forEachRun(plan, (source) => {
    start += source;
  });
  return start;
}

/**
 * Ends mapped views now instead of when they are collected, so that the store can write their memory again: the tensors
 * of the value are zeros afterwards. Tensors that are no views stay as they are, and what has ended may end again.
 *
 * @param value a tensor, or a state dict, of `get`, `getBatch` or `getStateDict` with `mapped: true`
 */
export function releaseViews(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (!ArrayBuffer.isView(value)) {
    Object.values(value).forEach(releaseViews);
    return;
  }
  viewMemoryOf(value)?.release(value.byteOffset - (value.byteOffset % pageBytes));
}
