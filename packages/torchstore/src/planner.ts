import { bytesOf, bytesPerElement, type Region, type Tensor } from '@forge/tensor';
import type { LocatedTensor } from './batch.ts';
import type { Fetch } from './byte-box.ts';
import { CoverageError } from './errors.ts';
import { VolumeUnavailableError } from './failures.ts';
import { PieceProof } from './piece-proof.ts';
import { planReshard } from './reshard.ts';

/** A region of a located tensor, and the tensor that it goes to. */
export interface Wish {
  readonly located: LocatedTensor;
  readonly region: Region;
  readonly target: Tensor;
  /** The target shows the bytes already. */
  readonly isView?: boolean;
}

/** One box of a plan; the piece that it comes from is named by its place in the list of pieces. */
interface PlannedBox extends Pick<Fetch, 'targetShape' | 'targetOffset'> {
  readonly part: number;
  readonly shape: readonly number[];
  readonly offset: readonly number[];
  readonly size: readonly number[];
}

/** A fetch that can be verified when all of a piece is read whose checksum is known. */
export interface PlannedFetch extends Fetch {
  readonly proof: PieceProof | undefined;
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
  /** The plans of the last call in their order: the next one often asks for the same layouts in the same order. */
  #last: readonly Plan[] = [];

  /**
   * The boxes to fetch from each volume. Of equal pieces those on preferred volumes are read.
   * @throws {VolumeUnavailableError} when the only copy of a region was on a volume that died.
   * @throws {CoverageError} when a region is not held, which the proof at the put rules out.
   */
  plan(wishes: Iterable<Wish>, preference: Preference): Map<string, PlannedFetch[]> {
    const fetches = new Map<string, PlannedFetch[]>();
    const plans: Plan[] = [];
    for (const wish of wishes) {
      const { located, target } = wish;
      const bytes = bytesOf(target);
      const likely = this.#last[plans.length];
      const plan = likely !== undefined && isFor(likely, wish, preference) ? likely : this.#planOf(wish, preference);
      plans.push(plan);
      for (const { part, shape, offset, size, targetShape, targetOffset } of plan.boxes) {
        const { volume, segment, byteOffset, checksum } = located.parts[part]!.place; // the plan was made for as many parts
        const box = { segment, byteOffset, shape, offset, size };
        const proof =
          checksum !== undefined && areEqual(shape, size)
            ? new PieceProof({ key: located.key, volume, checksum })
            : undefined;
        const fetch = { box, target: bytes, targetShape, targetOffset, proof };
        const own = fetches.get(volume);
        if (own === undefined) fetches.set(volume, [fetch]);
        else own.push(fetch);
      }
    }
    this.#last = plans;
    return fetches;
  }

  #planOf(wish: Wish, preference: Preference): Plan {
    const hash = hashOf(wish);
    const known = this.#plans.get(hash) ?? [];
    const plan = known.find((each) => isFor(each, wish, preference));
    if (plan !== undefined) return plan;
    const made = makePlan(wish, preference);
    if (this.#count >= maxPlans) {
      this.#plans.clear();
      this.#count = 0;
    }
    this.#count += 1;
    this.#plans.set(hash, [...known, made]);
    return made;
  }
}

function hashOf({ located, region: wanted }: Wish): number {
  let hash = bytesPerElement(located.dtype);
  const mix = (numbers: readonly number[]) => {
    for (const each of numbers) hash = (Math.imul(hash ^ each, 0x9e3779b1) ^ (hash >>> 15)) | 0;
  };
  mix(wanted.offset);
  mix(wanted.size);
  for (const { region } of located.parts) {
    mix(region.offset);
    mix(region.size);
  }
  return hash;
}

/** Whether a plan is right for a wish: the same regions, of which the same are preferred. */
function isFor(plan: Plan, { located, region }: Wish, preference: Preference): boolean {
  const { parts, dtype } = located;
  if (parts.length !== plan.regions.length || !isSame(plan.wanted, region)) return false;
  if (plan.width !== bytesPerElement(dtype)) return false;
  for (let index = 0; index < parts.length; index += 1) {
    const part = parts[index]!; // the loop is bounded by both lengths
    if (!isSame(plan.regions[index]!, part.region) || plan.ranks[index] !== preference(part.place.volume)) return false;
  }
  return true;
}

function isSame(a: Region, b: Region): boolean {
  return areEqual(a.size, b.size) && areEqual(a.offset, b.offset);
}

/** A loop: a callback for each number costs more than the comparison. */
function areEqual(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
}

function makePlan({ located, region: wanted }: Wish, preference: Preference): Plan {
  const { key, parts, lostVolumes = [] } = located;
  const width = bytesPerElement(located.dtype);
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
