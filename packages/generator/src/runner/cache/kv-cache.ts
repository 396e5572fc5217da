// S slots, H key/value heads, C capacity in tokens, D head width
import { type Tensor, tensor } from '@forge/tensor';
import type { Pieces } from './pieces.ts';

/** What the size of a token's keys and values depends on. */
export interface KvCacheShape {
  readonly numLayers: number;
  readonly numKvHeads: number;
  readonly headDim: number;
}

/** How many slots there are, and for how many tokens each. */
export interface Extent {
  readonly numSlots: number;
  readonly capacity: number;
}

/** Slots of a cache as inputs and, on the same memory, as outputs of the generation graph. */
export interface CacheViews {
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly fetches: Readonly<Record<string, Tensor>>;
}

/** Numbers of a piece: a quarter of a megabyte, which takes a quarter of a millisecond where pages are new. */
const PIECE_LENGTH = 2 ** 16;

/** Bytes of the keys and values of one token, in all layers. */
export function bytesPerToken({ numLayers, numKvHeads, headDim }: KvCacheShape): number {
  return 2 * numLayers * numKvHeads * headDim * Float32Array.BYTES_PER_ELEMENT;
}

/** Keys and values of every layer, [S, H, C, D] each, which the attention operator reads and writes in place. */
export class KvCache {
  readonly #shape: KvCacheShape;
  /** Per layer the keys, then the values; the memory may be larger than the extent. */
  readonly #parts_SHCD: Float32Array<ArrayBuffer>[];
  #extent: Extent = { numSlots: 0, capacity: 0 };
  /** Called before slots move to other memory: what is bound to views of them would hold the old. @default nobody */
  onMove: () => void = () => {};
  /** By the number of slots. */
  readonly #views = new Map<number, CacheViews>();

  constructor(shape: KvCacheShape) {
    this.#shape = shape;
    this.#parts_SHCD = Array.from({ length: 2 * shape.numLayers }, () => new Float32Array(0));
  }

  get extent(): Extent {
    return this.#extent;
  }

  /** Of the memory that is held. */
  get numBytes(): number {
    return this.#parts_SHCD.length * (this.#parts_SHCD[0]?.byteLength ?? 0); // they are of one size
  }

  /** Changes the extent; what is in the slots and tokens that remain stays. Holds one layer's part twice meanwhile. */
  *resize(extent: Extent): Pieces {
    if (extent.numSlots === this.#extent.numSlots && extent.capacity === this.#extent.capacity) return;
    this.#leave();
    const { numKvHeads, headDim } = this.#shape;
    const from = this.#extent;
    const numRows = Math.min(from.numSlots, extent.numSlots) * numKvHeads;
    const length = Math.min(from.capacity, extent.capacity) * headDim;
    const copied = new PieceSize();
    for (const [index, part_SHCD] of this.#parts_SHCD.entries()) {
      const resized_SHCD = new Float32Array(this.#elements(extent));
      for (let row = 0; row < numRows; row++) {
        const [start, target] = [row * from.capacity * headDim, row * extent.capacity * headDim];
        for (let at = 0; at < length; at += PIECE_LENGTH) {
          const end = Math.min(at + PIECE_LENGTH, length);
          resized_SHCD.set(part_SHCD.subarray(start + at, start + end), target + at);
          if (copied.isFull(end - at)) yield;
        }
      }
      this.#parts_SHCD[index] = resized_SHCD;
    }
    this.#extent = extent;
  }

  /** Gives the memory back. */
  free(): void {
    this.#leave();
    this.#parts_SHCD.fill(new Float32Array(0));
    this.#extent = { numSlots: 0, capacity: 0 };
  }

  /** Changes the extent and leaves undefined what is in it; memory is taken only when there is too little of it. */
  reuse(extent: Extent): void {
    this.#leave();
    const numElements = this.#elements(extent);
    if (this.#parts_SHCD[0]!.length < numElements) {
      for (const index of this.#parts_SHCD.keys()) this.#parts_SHCD[index] = new Float32Array(numElements);
    }
    this.#extent = extent;
  }

  /** Copies the first `numTokens` tokens of a slot of `source` (which may be this cache) over a slot of this cache. */
  *copySlot(source: KvCache, { from, to }: { readonly from: number; readonly to: number }, numTokens: number): Pieces {
    const { numKvHeads, headDim } = this.#shape;
    const length = numTokens * headDim;
    const copied = new PieceSize();
    for (const [index, part_SHCD] of this.#parts_SHCD.entries()) {
      const source_SHCD = source.#parts_SHCD[index]!; // both caches have the layers of one model
      for (let head = 0; head < numKvHeads; head++) {
        const [start, target] = [source.#at(from, head, 0), this.#at(to, head, 0)];
        for (let at = 0; at < length; at += PIECE_LENGTH) {
          const end = Math.min(at + PIECE_LENGTH, length);
          part_SHCD.set(source_SHCD.subarray(start + at, start + end), target + at);
          if (copied.isFull(end - at)) yield;
        }
      }
    }
  }

  /** Memory for so many tokens of one slot, [2 × layers, H, tokens, D]. */
  allocateBlock(numTokens: number): Float32Array<ArrayBuffer> {
    return new Float32Array((numTokens * bytesPerToken(this.#shape)) / Float32Array.BYTES_PER_ELEMENT);
  }

  /** Copies tokens of a slot, as many as it holds, to a block. */
  *read(slot: number, fromToken: number, block: Float32Array): Pieces {
    const { numKvHeads } = this.#shape;
    const length = block.length / (this.#parts_SHCD.length * numKvHeads);
    const copied = new PieceSize();
    let at = 0;
    for (const part_SHCD of this.#parts_SHCD) {
      for (let head = 0; head < numKvHeads; head++, at += length) {
        const start = this.#at(slot, head, fromToken);
        block.set(part_SHCD.subarray(start, start + length), at);
        if (copied.isFull(length)) yield;
      }
    }
  }

  /** Copies a block to tokens of a slot. */
  *write(slot: number, fromToken: number, block: Float32Array): Pieces {
    const { numKvHeads } = this.#shape;
    const length = block.length / (this.#parts_SHCD.length * numKvHeads);
    const copied = new PieceSize();
    let at = 0;
    for (const part_SHCD of this.#parts_SHCD) {
      for (let head = 0; head < numKvHeads; head++, at += length) {
        part_SHCD.set(block.subarray(at, at + length), this.#at(slot, head, fromToken));
        if (copied.isFull(length)) yield;
      }
    }
  }

  /** The first `numRows` slots; the same object until the extent changes. */
  views(numRows: number): CacheViews {
    let views = this.#views.get(numRows);
    if (!views) {
      views = this.#makeViews(numRows);
      this.#views.set(numRows, views);
    }
    return views;
  }

  #leave(): void {
    this.onMove();
    this.#views.clear();
  }

  #makeViews(numRows: number): CacheViews {
    const { numKvHeads, headDim } = this.#shape;
    const extent = { numSlots: numRows, capacity: this.#extent.capacity };
    const shape = [numRows, numKvHeads, extent.capacity, headDim];
    const feeds: Record<string, Tensor> = {};
    const fetches: Record<string, Tensor> = {};
    this.#parts_SHCD.forEach((part_SHCD, index) => {
      const name = `${index % 2 === 0 ? 'key' : 'value'}.${index >> 1}`;
      const view = tensor('float32', shape, part_SHCD.subarray(0, this.#elements(extent)));
      feeds[`past_${name}`] = view;
      fetches[`present_${name}`] = view;
    });
    return { feeds, fetches };
  }

  #at(slot: number, head: number, token: number): number {
    const { numKvHeads, headDim } = this.#shape;
    return ((slot * numKvHeads + head) * this.#extent.capacity + token) * headDim;
  }

  #elements({ numSlots, capacity }: Extent): number {
    const { numKvHeads, headDim } = this.#shape;
    return numSlots * numKvHeads * capacity * headDim;
  }
}

/** Counts what is copied. */
class PieceSize {
  #length = 0;

  /** Counts `length` numbers more; whether they end a piece. */
  isFull(length: number): boolean {
    this.#length += length;
    if (this.#length < PIECE_LENGTH) return false;
    this.#length = 0;
    return true;
  }
}
