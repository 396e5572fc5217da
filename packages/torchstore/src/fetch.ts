import { bytesOf, bytesPerElement, type Region, type Tensor } from '@forge/tensor';
import type { HeldPart, LocatedTensor } from './batch.ts';
import type { Fetch } from './byte-box.ts';
import { CoverageError } from './errors.ts';
import { planReshard } from './reshard.ts';

/** A region of a located tensor, and the tensor that it goes to. */
export interface Wish {
  readonly located: LocatedTensor;
  readonly region: Region;
  readonly target: Tensor;
}

/**
 * The boxes to fetch from each volume. Of equal pieces those on nearer volumes are read.
 * @throws {CoverageError} when a region is not held, which the proof at the put rules out.
 */
export function planFetches(wishes: readonly Wish[], isNear: (volume: string) => boolean): Map<string, Fetch[]> {
  const fetches = new Map<string, Fetch[]>();
  for (const { located, region, target } of wishes) {
    const near = (part: HeldPart) => (isNear(part.place.volume) ? 0 : 1);
    const { copies, uncovered } = planReshard(
      region,
      located.parts.toSorted((a, b) => near(a) - near(b)),
    );
    if (uncovered[0] !== undefined) throw new CoverageError(located.key, uncovered[0]);
    const width = bytesPerElement(located.dtype);
    for (const { held, sourceOffset, targetOffset, size } of copies) {
      const { volume, segment, byteOffset } = held.place;
      const fetch: Fetch = {
        box: {
          segment,
          byteOffset,
          shape: [...held.region.size, width],
          offset: [...sourceOffset, 0],
          size: [...size, width],
        },
        target: bytesOf(target),
        targetShape: [...region.size, width],
        targetOffset: [...targetOffset, 0],
      };
      const own = fetches.get(volume);
      if (own === undefined) fetches.set(volume, [fetch]);
      else own.push(fetch);
    }
  }
  return fetches;
}
