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
  /** What it was made for, side by side, so that comparing reads one list: width, rank, wanted region, regions of the parts. */
  readonly numbers: readonly number[];
  /** How much each part was preferred. */
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
    const known = remembered(preference);
    let last: string | undefined;
    let own: PlannedFetch[] = [];
    for (const wish of wishes) {
      const { located, target } = wish;
      const bytes = bytesOf(target);
      const likely = this.#last[plans.length];
      const plan = likely !== undefined && isFor(likely, wish, known) ? likely : this.#planOf(wish, known);
      plans.push(plan);
      for (const { part, shape, offset, size, targetShape, targetOffset } of plan.boxes) {
        const { volume, segment, byteOffset, checksum } = located.parts[part]!.place; // the plan was made for as many parts
        const box = { segment, byteOffset, shape, offset, size };
        const proof =
          checksum !== undefined && areEqual(shape, size)
            ? new PieceProof({ key: located.key, volume, checksum })
            : undefined;
        const fetch = { box, target: bytes, targetShape, targetOffset, proof };
        if (volume !== last) {
          last = volume;
          own = fetches.get(volume) ?? [];
          fetches.set(volume, own);
        }
        own.push(fetch);
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

/** Asks once as long as the same volume is meant: most parts lie on that of the part before. */
function remembered(preference: Preference): Preference {
  let last: string | undefined;
  let rank = 0;
  return (volume) => {
    if (volume !== last) {
      last = volume;
      rank = preference(volume);
    }
    return rank;
  };
}

function numbersOf({ located, region }: Wish): number[] {
  const numbers = [bytesPerElement(located.dtype), region.size.length, ...region.offset, ...region.size];
  for (const part of located.parts) numbers.push(...part.region.offset, ...part.region.size);
  return numbers;
}

/** Whether a plan is right for a wish: the same regions, of which the same are preferred. */
function isFor({ numbers, ranks }: Plan, { located, region }: Wish, preference: Preference): boolean {
  const { parts, dtype } = located;
  const rank = region.size.length;
  if (ranks.length !== parts.length || numbers[1] !== rank || numbers[0] !== bytesPerElement(dtype)) return false;
  if (!isAt(numbers, 2, region)) return false;
  let at = 2 + 2 * rank;
  for (let index = 0; index < parts.length; index += 1) {
    const part = parts[index]!; // the loop is bounded by their count
    if (!isAt(numbers, at, part.region) || ranks[index] !== preference(part.place.volume)) return false;
    at += 2 * rank;
  }
  return true;
}

/** Whether a region's numbers stand at a place in a list. */
function isAt(numbers: readonly number[], at: number, { offset, size }: Region): boolean {
  const rank = size.length;
  for (let dim = 0; dim < rank; dim += 1)
    if (numbers[at + dim] !== offset[dim] || numbers[at + rank + dim] !== size[dim]) return false;
  return true;
}

/** A loop: a callback for each number costs more than the comparison. */
function areEqual(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index += 1) if (a[index] !== b[index]) return false;
  return true;
}

function makePlan(wish: Wish, preference: Preference): Plan {
  const { located, region: wanted } = wish;
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
  return { numbers: numbersOf(wish), ranks, boxes };
}
