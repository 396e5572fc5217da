import { type BoxCopy, elementCount, forEachRun, planRuns, type RunPlan } from '@forge/tensor';

/** A box of a tensor that lies in a segment, counted in bytes: the last dimension is the bytes of one element. */
export interface ByteBox {
  readonly segment: string;
  /** Where the tensor begins in the segment. */
  readonly byteOffset: number;
  readonly shape: readonly number[];
  readonly offset: readonly number[];
  readonly size: readonly number[];
}

/** A box and the place in memory that it goes to. */
export interface Fetch {
  readonly box: ByteBox;
  readonly target: Uint8Array;
  /** The shape of the target, its last dimension the bytes of one element. */
  readonly targetShape: readonly number[];
  readonly targetOffset: readonly number[];
  /** Present when the box is a whole piece whose checksum is known. */
  readonly proof?: Proof | undefined;
}

/** Learns what has arrived of a piece. */
export interface Proof {
  /** Takes in the checksum of a part, as it lies in the target. */
  add(part: Fetch, checksum: number): void;
  /** Takes in a part by looking at it. */
  look(part: Fetch): Promise<void>;
}

/** The copy of a fetch, as loops over bytes. */
export function copyOf({ box, targetShape, targetOffset }: Fetch): BoxCopy {
  return { sourceShape: box.shape, sourceOffset: box.offset, targetShape, targetOffset, size: box.size };
}

/** Bytes that a box holds. */
export function byteCount({ size }: ByteBox): number {
  return elementCount(size);
}

const add = (a: readonly number[], b: readonly number[]) => a.map((each, dim) => each + b[dim]!);

/** Cuts a fetch into fetches of at most `maxBytes` each, along its outermost dimensions. */
export function* splitFetch(fetch: Fetch, maxBytes: number): Generator<Fetch> {
  const { box } = fetch;
  if (byteCount(box) <= maxBytes) {
    yield fetch;
    return;
  }
  const dim = box.size.findIndex((size) => size > 1);
  const extent = box.size[dim]!;
  const each = byteCount(box) / extent;
  const step = Math.max(1, Math.floor(maxBytes / each));
  for (let start = 0; start < extent; start += step) {
    const shift = box.size.map((_, other) => (other === dim ? start : 0));
    const size = box.size.with(dim, Math.min(step, extent - start));
    yield* splitFetch(
      { ...fetch, box: { ...box, offset: add(box.offset, shift), size }, targetOffset: add(fetch.targetOffset, shift) },
      maxBytes,
    );
  }
}

/** Collects fetches into groups of at most `maxBytes` and `maxCount`, cutting those that are larger. */
export function* groupFetches(
  fetches: Iterable<Fetch>,
  { maxBytes, maxCount }: { readonly maxBytes: number; readonly maxCount: number },
): Generator<Fetch[]> {
  let group: Fetch[] = [];
  let bytes = 0;
  for (const fetch of fetches) {
    for (const part of splitFetch(fetch, maxBytes)) {
      const partBytes = byteCount(part.box);
      if (group.length > 0 && (bytes + partBytes > maxBytes || group.length >= maxCount)) {
        yield group;
        group = [];
        bytes = 0;
      }
      group.push(part);
      bytes += partBytes;
    }
  }
  if (group.length > 0) yield group;
}

/** The copy of the bytes of a box, packed row-major, to where its fetch wants them. */
function planPacked({ box: { size }, targetShape, targetOffset }: Fetch): RunPlan {
  return planRuns({ sourceShape: size, sourceOffset: size.map(() => 0), targetShape, targetOffset, size });
}

/** Puts the bytes of a box, packed row-major, where its fetch wants them. */
export function placePacked(fetch: Fetch, packed: Uint8Array): void {
  const { target } = fetch;
  const plan = planPacked(fetch);
  forEachRun(plan, (from, to) => copyBytes({ source: packed, from, target, to, length: plan.runLength }));
}

/** The bytes of a fetch as they lie in its target, packed row-major. */
export function packTarget(fetch: Fetch): Uint8Array {
  const { target: source, box } = fetch;
  const plan = planPacked(fetch);
  const packed = new Uint8Array(byteCount(box));
  forEachRun(plan, (to, from) => copyBytes({ source, from, target: packed, to, length: plan.runLength }));
  return packed;
}

/** The part of the target that a fetch fills; undefined when its bytes do not lie side by side there. */
export function targetRun(fetch: Fetch): Uint8Array | undefined {
  const bytes = byteCount(fetch.box);
  const { runLength, targetStart } = planPacked(fetch);
  return runLength === bytes ? fetch.target.subarray(targetStart, targetStart + bytes) : undefined;
}

/** Where a box begins in its segment; undefined when its bytes do not lie side by side there. */
export function segmentStart(box: ByteBox): number | undefined {
  const { byteOffset, shape: sourceShape, offset: sourceOffset, size } = box;
  const targetOffset = size.map(() => 0);
  const { runLength, sourceStart } = planRuns({ sourceShape, sourceOffset, targetShape: size, targetOffset, size });
  return runLength === byteCount(box) ? byteOffset + sourceStart : undefined;
}

/** A run of bytes from one array to another. */
export interface ByteRun {
  readonly source: Uint8Array;
  readonly from: number;
  readonly target: Uint8Array;
  readonly to: number;
  readonly length: number;
}

/** Below this many bytes a loop is faster than making a view for `set`. */
const minBytesForSet = 64;

/** Copies a run of bytes. */
export function copyBytes({ source, from, target, to, length }: ByteRun): void {
  if (length >= minBytesForSet) target.set(source.subarray(from, from + length), to);
  else for (let index = 0; index < length; index += 1) target[to + index] = source[from + index]!;
}
