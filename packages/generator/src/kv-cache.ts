// S slots, H key/value heads, C capacity in tokens, D head width
import { type Tensor, tensor } from '@forge/tensor';

/** What the size of a token's keys and values depends on. */
export interface KvCacheShape {
  readonly numLayers: number;
  readonly numKvHeads: number;
  readonly headDim: number;
}

/** Small enough to cost nothing, large enough that short completions never grow it. */
const minCapacity = 64;

/** Keys and values of every layer, [S, H, C, D] each, which the attention operator reads and writes in place. */
export class KvCache {
  readonly #shape: KvCacheShape;
  /** Per layer the keys, then the values. */
  #parts_SHCD: readonly Float32Array<ArrayBuffer>[] = [];
  #numSlots = 0;
  #capacity = 0;

  constructor(shape: KvCacheShape) {
    this.#shape = shape;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** Makes room for slots and tokens, in powers of two; what is in the cache stays. */
  ensure(numSlots: number, capacity: number): void {
    if (numSlots <= this.#numSlots && capacity <= this.#capacity) return;
    const { numLayers, numKvHeads, headDim } = this.#shape;
    const grown = new KvCache(this.#shape);
    grown.#numSlots = Math.max(this.#numSlots, powerOfTwoFrom(numSlots));
    grown.#capacity = Math.max(this.#capacity, minCapacity, powerOfTwoFrom(capacity));
    const numElements = grown.#numSlots * numKvHeads * grown.#capacity * headDim;
    grown.#parts_SHCD = Array.from({ length: 2 * numLayers }, () => new Float32Array(numElements));
    for (let slot = 0; slot < this.#numSlots; slot++) grown.copySlot(this, { from: slot, to: slot }, this.#capacity);
    this.#parts_SHCD = grown.#parts_SHCD;
    this.#numSlots = grown.#numSlots;
    this.#capacity = grown.#capacity;
  }

  /** Copies the first `numTokens` tokens of a slot of `source` (which may be this cache) over a slot of this cache. */
  copySlot(source: KvCache, { from, to }: { readonly from: number; readonly to: number }, numTokens: number): void {
    const { numKvHeads, headDim } = this.#shape;
    const length = numTokens * headDim;
    this.#parts_SHCD.forEach((part_SHCD, index) => {
      const source_SHCD = source.#parts_SHCD[index]!; // both caches have the layers of one model
      for (let head = 0; head < numKvHeads; head++) {
        const start = (from * numKvHeads + head) * source.#capacity * headDim;
        part_SHCD.set(source_SHCD.subarray(start, start + length), (to * numKvHeads + head) * this.#capacity * headDim);
      }
    });
  }

  /** The first `numRows` slots as inputs and, on the same memory, as outputs of the generation graph. */
  views(numRows: number): { readonly feeds: Record<string, Tensor>; readonly fetches: Record<string, Tensor> } {
    const { numKvHeads, headDim } = this.#shape;
    const shape = [numRows, numKvHeads, this.#capacity, headDim];
    const numElements = numRows * numKvHeads * this.#capacity * headDim;
    const feeds: Record<string, Tensor> = {};
    const fetches: Record<string, Tensor> = {};
    this.#parts_SHCD.forEach((part_SHCD, index) => {
      const name = `${index % 2 === 0 ? 'key' : 'value'}.${index >> 1}`;
      const view = tensor('float32', shape, part_SHCD.subarray(0, numElements));
      feeds[`past_${name}`] = view;
      fetches[`present_${name}`] = view;
    });
    return { feeds, fetches };
  }
}

function powerOfTwoFrom(least: number): number {
  return 2 ** Math.ceil(Math.log2(least));
}
