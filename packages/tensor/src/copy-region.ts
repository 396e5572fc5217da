import { bytesPerElement, type TypedArray } from './dtype.ts';
import { DTypeError } from './errors.ts';
import { forEachRun, planRuns } from './runs.ts';
import type { Tensor } from './tensor.ts';

/** Which box goes where. */
export interface RegionCopy {
  /** Where the box begins in the source. */
  readonly sourceOffset: readonly number[];
  /** Where the box begins in the target. */
  readonly targetOffset: readonly number[];
  /** The size of the box. */
  readonly size: readonly number[];
}

type Lanes = Uint8Array | Uint16Array | Uint32Array;

/** Below this many lanes a plain loop is faster than making two views for `set` (bench/copy-region). */
const minRunForSet = 48;

/** The elements as unsigned words: bit patterns move unchanged, and one compiled loop serves all dtypes of a width. */
function lanesOf(data: TypedArray): Lanes {
  const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT: bytes } = data;
  if (bytes === 1) return new Uint8Array(buffer, byteOffset, byteLength);
  if (bytes === 2) return new Uint16Array(buffer, byteOffset, byteLength / 2);
  return new Uint32Array(buffer, byteOffset, byteLength / 4);
}

/**
 * Copies a box of one tensor into another of the same dtype, the longest contiguous run at a time.
 * The tensors must not be views of the same memory unless the boxes do not overlap.
 * @throws {DTypeError} when the dtypes differ.
 * @throws {RegionError} when the box leaves the source or the target; nothing has been copied then.
 */
export function copyRegion(source: Tensor, target: Tensor, { sourceOffset, targetOffset, size }: RegionCopy): void {
  if (source.dtype !== target.dtype) {
    throw new DTypeError(
      `Cannot copy ${source.dtype} elements into a ${target.dtype} tensor. Use cast() first.`,
      source.dtype,
    );
  }
  const plan = planRuns({
    sourceShape: source.shape,
    sourceOffset,
    targetShape: target.shape,
    targetOffset,
    size,
  });
  const lanesEach = Math.max(1, bytesPerElement(source.dtype) / 4);
  const from = lanesOf(source.data);
  const to = lanesOf(target.data);
  const length = plan.runLength * lanesEach;
  forEachRun(plan, (sourceIndex, targetIndex) => {
    const begin = sourceIndex * lanesEach;
    const place = targetIndex * lanesEach;
    if (length >= minRunForSet) to.set(from.subarray(begin, begin + length), place);
    else for (let lane = 0; lane < length; lane += 1) to[place + lane] = from[begin + lane]!;
  });
}
