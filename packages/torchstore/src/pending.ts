import { intersect, type Region, sameRegion, sameShape, wholeRegion } from '@forge/tensor';
import type { Batch, Claim, ObjectPart, Part, Refusal } from './batch.ts';
import { describeTensor } from './errors.ts';
import { held } from './holdings.ts';
import { planReshard } from './reshard.ts';
import { mergeStructures, type Structure } from './state-dict.ts';

interface Arrivals {
  readonly batches: readonly Batch[];
  readonly parts: readonly Part[];
  readonly objects: readonly ObjectPart[];
}

function arrivalsOf(unsorted: readonly Batch[]): Arrivals {
  const [only] = unsorted;
  if (only !== undefined && unsorted.length === 1)
    return { batches: unsorted, parts: only.parts, objects: only.objects };
  const batches = unsorted.toSorted((a, b) => (a.participant?.rank ?? 0) - (b.participant?.rank ?? 0));
  return {
    batches,
    parts: batches.flatMap(({ parts }) => parts),
    objects: batches.flatMap(({ objects }) => objects),
  };
}

/** A put of which some ranks have not arrived. */
export class Pending {
  readonly id: number;
  readonly #first: Claim;
  readonly #batches = new Map<number, Batch>();
  /** Undefined when it has to be put together anew. */
  #known: Arrivals | undefined;
  readonly #arrived = new Set<number>();
  /** Ranks that have begun and not arrived, with their sessions. */
  readonly #begun = new Map<number, string>();
  /** Ranks whose connection ended before they arrived; they may come back. */
  readonly #lost = new Set<number>();

  constructor(id: number, first: Claim) {
    this.id = id;
    this.#first = first;
  }

  get name(): string {
    return this.#first.name;
  }

  get version(): number | undefined {
    return this.#first.version;
  }

  /** What has arrived, in the order of ranks: equal layouts give equal lists. */
  get batches(): readonly Batch[] {
    return this.#arrivals.batches;
  }

  get parts(): readonly Part[] {
    return this.#arrivals.parts;
  }

  get objects(): readonly ObjectPart[] {
    return this.#arrivals.objects;
  }

  get #arrivals(): Arrivals {
    this.#known ??= arrivalsOf([...this.#batches.values()]);
    return this.#known;
  }

  /** What all ranks together put; undefined when it is not a state dict. */
  get structure(): Structure | undefined {
    const structures = this.batches.flatMap((batch) => batch.structure ?? []);
    return structures.length === 0 ? undefined : structures.reduce(mergeStructures);
  }

  /** Ranks that have not arrived; none when coverage alone decides. */
  get missingRanks(): number[] {
    const ranks = this.#first.participant?.ranks ?? 0;
    return Array.from({ length: ranks }, (_, rank) => rank).filter((rank) => !this.#arrived.has(rank));
  }

  /** Whether the same ranks meet here. */
  #isSame({ digest, participant, version }: Claim): boolean {
    const first = this.#first;
    return digest === first.digest && version === first.version && participant?.ranks === first.participant?.ranks;
  }

  /** Whether a claim belongs to this put, and its rank has begun or arrived here already. */
  isTaken(claim: Claim): boolean {
    const rank = claim.participant?.rank;
    return this.#isSame(claim) && rank !== undefined && (this.#arrived.has(rank) || this.#begun.has(rank));
  }

  /** Whether a claim belongs to this put: the same ranks meet here, and this rank has not been here. */
  accepts(claim: Claim, parts: readonly Part[] = []): boolean {
    if (!this.#isSame(claim)) return false;
    if (claim.participant !== undefined) return !this.isTaken(claim);
    // Regions without ranks: what was put already is put anew, so it starts the next generation.
    const present = this.parts;
    return !parts.some((part) =>
      present.some((other) => other.key === part.key && intersect(other.region, part.region) !== undefined),
    );
  }

  begin(rank: number, session: string): void {
    this.#begun.set(rank, session);
    this.#lost.delete(rank);
  }

  /** Whether a rank has begun in this session and not arrived. */
  hasBegun(rank: number | undefined, session: string): boolean {
    return rank !== undefined && this.#begun.get(rank) === session;
  }

  /** Takes back what a session has begun; returns whether there was anything. Of a lost session it is expected again. */
  withdraw(session: string, isLost: boolean): boolean {
    const ranks = [...this.#begun].filter(([, owner]) => owner === session).map(([rank]) => rank);
    for (const rank of ranks) {
      this.#begun.delete(rank);
      if (isLost) this.#lost.add(rank);
    }
    return ranks.length > 0;
  }

  /** Ranks whose connection ended and that have not come back. */
  get lostRanks(): number[] {
    return [...this.#lost];
  }

  /** Whether no rank has begun or arrived. */
  get isDeserted(): boolean {
    return this.#begun.size === 0 && this.#batches.size === 0;
  }

  /** @param number tells it from all other batches */
  add(batch: Batch, number: number): void {
    this.#batches.set(number, batch);
    this.#known = undefined;
    if (batch.participant === undefined) return;
    this.#arrived.add(batch.participant.rank);
    this.#begun.delete(batch.participant.rank);
  }

  /** Takes a batch out again, which is returned if it was here. */
  remove(number: number): Batch | undefined {
    const batch = this.#batches.get(number);
    this.#batches.delete(number);
    this.#known = undefined;
    if (batch?.participant !== undefined) this.#arrived.delete(batch.participant.rank);
    return batch;
  }

  /** Whether every rank has arrived or, without ranks, the regions cover all tensors. */
  isComplete(): boolean {
    if (this.#first.participant !== undefined) return this.#arrived.size === this.#first.participant.ranks;
    return this.flaw()?.status !== 'uncovered';
  }

  /** What is wrong with all that has arrived together; undefined proves that each tensor is covered, by whole replicas. */
  flaw(): Refusal | undefined {
    for (const [key, parts] of partsByKey(this.parts)) {
      const { globalShape, region } = parts[0]!; // a group has at least one
      if (parts.length === 1 && sameShape(region.size, globalShape)) continue;
      const { uncovered } = planReshard(wholeRegion(globalShape), held(parts));
      if (uncovered[0] !== undefined) return { status: 'uncovered', key, uncovered: uncovered[0] };
      const regions = overlap(parts, globalShape);
      if (regions !== undefined) return { status: 'overlap', key, regions };
    }
    return undefined;
  }

  /** Whether any piece lies on a volume and nowhere else. */
  dependsOn(volume: string): boolean {
    return this.parts.some(({ places }) => places.length > 0 && places.every((place) => place.volume === volume));
  }
}

const elements = ({ size }: Region) => size.reduce((product, extent) => product * extent, 1);

/** Two regions of a covered tensor that overlap without being equal. */
function overlap(parts: readonly Part[], shape: readonly number[]): readonly [Region, Region] | undefined {
  if (parts.length < 2) return undefined;
  const regions: Region[] = [];
  const seen = new Set<string>();
  for (const { region } of parts) {
    const name = `${region.offset};${region.size}`;
    if (seen.has(name) || region.size.includes(0)) continue;
    seen.add(name);
    regions.push(region);
  }
  // Covered, and no element twice: the usual case is proved by counting.
  const count = regions.reduce((sum, region) => sum + elements(region), 0);
  if (count <= elements({ offset: [], size: shape })) return undefined;
  for (const [index, region] of regions.entries()) {
    const other = regions.slice(index + 1).find((each) => intersect(region, each) !== undefined);
    if (other !== undefined) return [region, other];
  }
  return undefined;
}

/** The parts of a batch under their keys. */
export function partsByKey(parts: readonly Part[]): Map<string, Part[]> {
  return Map.groupBy(parts, (part) => part.key);
}

/** The first key of which two parts disagree about what it holds. */
export function disagreement(
  parts: readonly Part[],
  objects: readonly ObjectPart[],
): Extract<Refusal, { readonly status: 'mismatch' }> | undefined {
  const objectKeys = new Set(objects.map(({ key }) => key));
  for (const [key, [first, ...rest]] of partsByKey(parts)) {
    const { dtype, globalShape } = first!; // a group has at least one
    if (objectKeys.has(key))
      return { status: 'mismatch', key, expected: describeTensor(dtype, globalShape), actual: 'an object' };
    const odd = rest.find((part) => part.dtype !== dtype || !sameShape(part.globalShape, globalShape));
    if (odd === undefined) continue;
    const expected = describeTensor(dtype, globalShape);
    return { status: 'mismatch', key, expected, actual: describeTensor(odd.dtype, odd.globalShape) };
  }
  return undefined;
}

/** A region of a batch without ranks that overlaps one which has arrived, without being equal to it. */
export function partialOverlap(
  parts: readonly Part[],
  present: readonly Part[],
): Extract<Refusal, { readonly status: 'overlap' }> | undefined {
  for (const { key, region } of parts) {
    const other = present.find(
      (each) => each.key === key && intersect(each.region, region) !== undefined && !sameRegion(each.region, region),
    );
    if (other !== undefined) return { status: 'overlap', key, regions: [other.region, region] };
  }
  return undefined;
}
