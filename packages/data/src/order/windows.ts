import { Random } from '@forge/tensor';
import { epochOrder } from './epoch-order.ts';

/** A part of an epoch that is in memory at a time: records of some blocks, in an order of its own. */
export interface Window {
  /** Index in the epoch of its first record. */
  readonly start: number;
  readonly length: number;
  /** Its blocks, as their records are put together before they are shuffled. */
  readonly blocks: readonly number[];
}

export interface WindowsOptions {
  readonly seed: number | string;
  readonly epoch: number;
  /** Records that are shuffled with one another; a window is closed when it has so many. */
  readonly bufferSize: number;
  /** @default true */
  readonly shuffle?: boolean;
}

/**
 * The windows of one epoch over blocks of so many records. Blocks come in random order, and the records of a window in random
 * order: a record is far from its neighbours in the file, and where an index leads is known without reading what is before.
 */
export function windowsOf(sizes: readonly number[], options: WindowsOptions): readonly Window[] {
  const { seed, epoch, bufferSize, shuffle = true } = options;
  const order = shuffle ? epochOrder(sizes.length, `${seed} blocks`, epoch) : sizes.keys();
  const windows: Window[] = [];
  let start = 0;
  let length = 0;
  let blocks: number[] = [];
  const close = () => {
    if (length > 0) windows.push({ start, length, blocks });
    start += length;
    length = 0;
    blocks = [];
  };
  for (const block of order) {
    blocks.push(block);
    length += sizes[block]!; // an order holds every block
    if (length >= bufferSize) close();
  }
  close();
  return windows;
}

/** The order of the records of a window. */
export function windowOrder(
  { start, length }: Window,
  { seed, epoch, shuffle = true }: WindowsOptions,
): readonly number[] {
  const indices = Array.from({ length }, (_, index) => index);
  return shuffle ? new Random(seed).split(`epoch ${epoch} from ${start}`).shuffle(indices) : indices;
}

/** The window that an index of the epoch is in. */
export function windowAt(windows: readonly Window[], index: number): number {
  let [low, high] = [0, windows.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (windows[middle]!.start <= index) low = middle;
    else high = middle - 1;
  }
  return low;
}
