import { bytesOf, bytesPerElement, type Region, sameRegion, sameShape, type Tensor } from '@forge/tensor';
import type { HeldPart, LocatedTensor } from './batch.ts';
import type { Fetch } from './byte-box.ts';
import { CoverageError, VolumeUnavailableError } from './errors.ts';
import { planReshard } from './reshard.ts';

/** A region of a located tensor, and the tensor that it goes to. */
export interface Wish {
  readonly located: LocatedTensor;
  readonly region: Region;
  readonly target: Tensor;
}

/** One box of a plan; the piece that it comes from is named by its place in the list of pieces. */
interface PlannedBox extends Pick<Fetch, 'targetShape' | 'targetOffset'> {
  readonly part: number;
  readonly shape: readonly number[];
  readonly offset: readonly number[];
  readonly size: readonly number[];
}

interface Plan {
  readonly width: number;
  readonly wanted: Region;
  readonly regions: readonly Region[];
  readonly ranks: readonly number[];
  readonly boxes: readonly PlannedBox[];
}

/** How much a volume is preferred among replicas: the lowest number first. */
export type Preference = (volume: string) => number;

/** Plans that are remembered; a model has some thousands of layouts at most. */
const maxPlans = 20_000;

/**
 * Plans which boxes to fetch from each volume. Layouts rarely change between versions: a plan is found again by the
 * regions alone, whatever the keys are called and wherever their bytes lie now.
 */
export class Planner {
  readonly #plans = new Map<number, Plan[]>();
  #count = 0;

  /**
   * The boxes to fetch from each volume. Of equal pieces those on preferred volumes are read.
   * @throws {VolumeUnavailableError} when the only copy of a region was on a volume that died.
   * @throws {CoverageError} when a region is not held, which the proof at the put rules out.
   */
  plan(wishes: Iterable<Wish>, preference: Preference): Map<string, Fetch[]> {
    const fetches = new Map<string, Fetch[]>();
    for (const wish of wishes) {
      const { located, target } = wish;
      const bytes = bytesOf(target);
      for (const { part, shape, offset, size, targetShape, targetOffset } of this.#planOf(wish, preference).boxes) {
        const { volume, segment, byteOffset } = located.parts[part]!.place; // the plan was made for as many parts
        const fetch = { box: { segment, byteOffset, shape, offset, size }, target: bytes, targetShape, targetOffset };
        const own = fetches.get(volume);
        if (own === undefined) fetches.set(volume, [fetch]);
        else own.push(fetch);
      }
    }
    return fetches;
  }

  #planOf({ located, region }: Wish, preference: Preference): Plan {
    const { parts } = located;
    const width = bytesPerElement(located.dtype);
    const hash = hashOf(width, region, parts);
    const known = this.#plans.get(hash) ?? [];
    const plan = known.find((each) => each.width === width && isFor(each, { region, parts, preference }));
    if (plan !== undefined) return plan;
    const made = makePlan({ located, region, width, preference });
    if (this.#count >= maxPlans) {
      this.#plans.clear();
      this.#count = 0;
    }
    this.#count += 1;
    this.#plans.set(hash, [...known, made]);
    return made;
  }
}

function hashOf(width: number, wanted: Region, parts: readonly HeldPart[]): number {
  let hash = width;
  const mix = (numbers: readonly number[]) => {
    for (const each of numbers) hash = (Math.imul(hash ^ each, 0x9e3779b1) ^ (hash >>> 15)) | 0;
  };
  mix(wanted.offset);
  mix(wanted.size);
  for (const { region } of parts) {
    mix(region.offset);
    mix(region.size);
  }
  return hash;
}

function isFor(
  plan: Plan,
  now: { readonly region: Region; readonly parts: readonly HeldPart[]; readonly preference: Preference },
): boolean {
  const { region, parts, preference } = now;
  if (parts.length !== plan.regions.length || !isSame(plan.wanted, region)) return false;
  for (let index = 0; index < parts.length; index += 1) {
    const part = parts[index]!; // the loop is bounded by both lengths
    if (!isSame(plan.regions[index]!, part.region) || plan.ranks[index] !== preference(part.place.volume)) return false;
  }
  return true;
}

const isSame = (a: Region, b: Region) => sameRegion(a, b) && sameShape(a.size, b.size);

function makePlan(question: {
  readonly located: LocatedTensor;
  readonly region: Region;
  readonly width: number;
  readonly preference: Preference;
}): Plan {
  const { located, region: wanted, width, preference } = question;
  const { key, parts, lostVolumes = [] } = located;
  const ranks = parts.map(({ place }) => preference(place.volume));
  const pieces = parts.map(({ region }, part) => ({ region, part })).sort((a, b) => ranks[a.part]! - ranks[b.part]!);
  const { copies, uncovered } = planReshard(wanted, pieces);
  if (uncovered[0] !== undefined) {
    throw lostVolumes[0] === undefined
      ? new CoverageError(key, uncovered[0])
      : new VolumeUnavailableError(lostVolumes[0], `it died with the only copy of a piece of '${key}'`);
  }
  const boxes = copies.map(
    ({ held, sourceOffset, targetOffset, size }): PlannedBox => ({
      part: held.part,
      shape: [...held.region.size, width],
      offset: [...sourceOffset, 0],
      size: [...size, width],
      targetShape: [...wanted.size, width],
      targetOffset: [...targetOffset, 0],
    }),
  );
  return { width, wanted, regions: parts.map(({ region }) => region), ranks, boxes };
}
