import type { BoundTensor } from '../plan-run.ts';
import type { SharedTensors } from '../shared-feed-set.ts';
import type { Pointer } from './functions.ts';
import type { Library } from './library.ts';
import { valueOver } from './values.ts';

/** Feeds of many runs as native values, which are made once for all of them. */
export class SharedValues implements SharedTensors {
  readonly #library: Library;
  #feeds: readonly BoundTensor[];
  #pointers: BigUint64Array;

  constructor(library: Library, feeds: readonly BoundTensor[]) {
    this.#library = library;
    this.#feeds = feeds;
    this.#pointers = valuesOver(library, feeds);
  }

  get feeds(): readonly BoundTensor[] {
    return this.#feeds;
  }

  /** One value a feed; another array when they were exchanged. */
  get pointers(): BigUint64Array {
    return this.#pointers;
  }

  exchange(feeds: readonly BoundTensor[]): void {
    const pointers = valuesOver(this.#library, feeds);
    this[Symbol.dispose]();
    this.#feeds = feeds;
    this.#pointers = pointers;
  }

  [Symbol.dispose](): void {
    release(this.#library, this.#pointers);
    this.#feeds = [];
    this.#pointers = new BigUint64Array(0);
  }
}

function valuesOver(library: Library, feeds: readonly BoundTensor[]): BigUint64Array {
  const pointers = new BigUint64Array(feeds.length);
  try {
    for (const [position, { tensor }] of feeds.entries()) pointers[position] = valueOver(library, tensor);
  } catch (error) {
    release(library, pointers);
    throw error;
  }
  return pointers;
}

function release({ api }: Library, values: Iterable<Pointer>): void {
  for (const value of values) if (value !== 0n) api.releaseValue(value);
}
