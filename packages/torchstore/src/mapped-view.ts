import { closeSync, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { loadNative } from '@forge/monarch/memory';
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

/** Below this a copy costs less than a mapping and its end. */
const minViewBytes = 2 ** 20;
/** Views at a time in this process. Each takes 8 GiB of addresses, which no memory stands behind. */
const maxViews = 1024;
/** A mapping begins at a multiple of this. */
const pageBytes = 4096;
const bytesPerBlock = 512;

interface View {
  end: (() => void) | undefined;
}

/** What is known of the memory of each view. */
const viewOf = new WeakMap<ArrayBufferLike, View>();
let viewCount = 0;

// One for ever: when V8 collects a registry that still has something to say, it never runs a finalizer again.
const collected = new FinalizationRegistry<View>(endView);

function endView(view: View): void {
  const { end } = view;
  view.end = undefined;
  if (end !== undefined) viewCount -= 1;
  end?.();
}

/** Maps a region of a located tensor; undefined when it must be copied. */
export type ViewTensor = (located: LocatedTensor, region: Region) => Tensor | undefined;

/** The views that one read has handed out. What they show stays as it is until the last of them has ended. */
export class Views {
  readonly #directories: ReadonlyMap<string, string>;
  readonly #onEnd: () => void;
  /** One more than there are views, until all have been made. */
  #open = 1;
  readonly #made: View[] = [];

  /**
   * @param directories where the volumes keep their segments, as far as this process sees them
   * @param onEnd called when the last has ended
   */
  constructor(directories: ReadonlyMap<string, string>, onEnd: () => void) {
    this.#directories = directories;
    this.#onEnd = onEnd;
  }

  /** Maps a region. */
  readonly view: ViewTensor = (located, region) => {
    const bytes = elementCount(region.size) * bytesPerElement(located.dtype);
    if (bytes < minViewBytes || viewCount >= maxViews) return undefined;
    for (const part of located.parts) {
      const directory = this.#directories.get(part.place.volume);
      if (directory === undefined || !contains(part.region, region)) continue;
      const byteOffset = startOf(located, { part, region, bytes });
      const data =
        byteOffset === undefined ? undefined : mapBytes(join(directory, part.place.segment), byteOffset, bytes);
      if (data === undefined) continue;
      this.#keep(data.buffer);
      const count = elementCount(region.size);
      const elements = viewElements(located.dtype, data.buffer, { byteOffset: data.byteOffset, count });
      return { dtype: located.dtype, shape: region.size, data: elements };
    }
    return undefined;
  };

  #keep(memory: ArrayBuffer): void {
    const view: View = { end: () => this.#endOne() };
    this.#open += 1;
    viewCount += 1;
    this.#made.push(view);
    viewOf.set(memory, view);
    collected.register(memory, view);
  }

  #endOne(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#onEnd();
  }

  /** No more will be made; of a read that failed, nobody has any. */
  close({ hasFailed }: { readonly hasFailed: boolean }): void {
    if (hasFailed) this.#made.forEach(endView);
    this.#made.length = 0; // they would keep this from being collected
    this.#endOne();
  }
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

/** Bytes of a file as memory that starts as they are, and whose changes stay private. */
function mapBytes(path: string, byteOffset: number, byteLength: number): Uint8Array<ArrayBuffer> | undefined {
  const native = loadNative();
  let descriptor: number | undefined;
  try {
    if (native === undefined || !isInMemory(path)) return undefined;
    descriptor = openSync(path, 'r');
    const { size, blocks } = fstatSync(descriptor);
    // A page that is not there could not be had when memory is full, and that ends a process.
    if (byteOffset + byteLength > size || blocks * bytesPerBlock < size) return undefined;
    const shift = byteOffset % pageBytes;
    const memory = native.copyOnWrite(descriptor, byteOffset - shift, shift + byteLength);
    return new Uint8Array(memory, shift, byteLength);
  } catch {
    return undefined; // the segment is gone, or no addresses are left: reading says what is wrong, if anything is
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
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
  const view = viewOf.get(value.buffer);
  if (view?.end === undefined || !(value.buffer instanceof ArrayBuffer)) return;
  loadNative()?.detach(value.buffer); // first: from then on nobody sees what is written there
  endView(view);
}
