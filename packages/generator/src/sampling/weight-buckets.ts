// V vocabulary

/** The upper half of a float64: of a normal positive number, the larger it is, the larger they are. */
const UPPER = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0; // by the order of bytes
const UPPER_OF_1 = 0x3ff0_0000;

/** 32 buckets from a weight to its half. */
const SHIFT = 15;
const NUM_BUCKETS = (UPPER_OF_1 >>> SHIFT) + 1;

/**
 * Weights from 0 to 1 by their first bits, the best first: the sums of buckets tell in one pass in which of them some
 * weight lies of which only the place among the sorted ones is known.
 */
export class WeightBuckets {
  readonly #uppers: Uint32Array;
  /** Made when it is first needed. */
  #masses: Float64Array | undefined;

  /** @param values_V - whose buckets are asked for from now on. */
  constructor(values_V: Float64Array) {
    this.#uppers = new Uint32Array(values_V.buffer, values_V.byteOffset, 2 * values_V.length);
  }

  /** Of a token: 0 is the best weight's. */
  of(id: number): number {
    return (UPPER_OF_1 - this.#uppers[2 * id + UPPER]!) >>> SHIFT;
  }

  /** The bucket in which the sum of weights, the best first, reaches `wanted`, and the sum of those before it; weights below `floor`, above 0, are left out. */
  find(
    values_V: Float64Array,
    floor: number,
    wanted: number,
  ): { readonly bucket: number; readonly massBefore: number } {
    this.#masses ??= new Float64Array(NUM_BUCKETS);
    const masses = this.#masses;
    let last = 0;
    for (let id = 0; id < values_V.length; id++) {
      const value = values_V[id]!;
      if (value < floor) continue;
      const at = this.of(id);
      masses[at]! += value;
      if (at > last) last = at;
    }
    let [bucket, massBefore] = [0, 0];
    // Rounding can leave the sum of all below what is wanted: then it is the last one.
    while (bucket < last && massBefore + masses[bucket]! < wanted) massBefore += masses[bucket++]!;
    masses.fill(0, 0, last + 1);
    return { bucket, massBefore };
  }
}
