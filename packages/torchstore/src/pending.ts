import { intersect, type Region, sameShape, wholeRegion } from '@forge/tensor';
import type { Batch, HeldPart, Part } from './batch.ts';
import { describeTensor } from './errors.ts';
import { planReshard } from './reshard.ts';
import { mergeStructures, type Structure } from './state-dict.ts';

/** A put of which some ranks have not arrived. */
export class Pending {
  readonly #first: Batch;
  readonly #batches: Batch[] = [];
  readonly #ranks = new Set<number>();

  constructor(first: Batch) {
    this.#first = first;
  }

  get version(): number | undefined {
    return this.#first.version;
  }

  get parts(): readonly Part[] {
    return this.#batches.flatMap((batch) => batch.parts);
  }

  /** What all ranks together put; undefined when it is not a state dict. */
  get structure(): Structure | undefined {
    const structures = this.#batches.flatMap((batch) => batch.structure ?? []);
    return structures.length === 0 ? undefined : structures.reduce(mergeStructures);
  }

  /** Ranks that have not arrived; none when coverage alone decides. */
  get missingRanks(): number[] {
    const ranks = this.#first.participant?.ranks ?? 0;
    return Array.from({ length: ranks }, (_, rank) => rank).filter((rank) => !this.#ranks.has(rank));
  }

  /** Whether a batch belongs to this put: the same ranks meet here, and this rank has not been here. */
  accepts(batch: Batch): boolean {
    const { digest, participant, version } = this.#first;
    if (batch.digest !== digest || batch.version !== version || batch.participant?.ranks !== participant?.ranks)
      return false;
    if (batch.participant !== undefined) return !this.#ranks.has(batch.participant.rank);
    // Regions without ranks: what was put already is put anew, so it starts the next generation.
    return !batch.parts.some((part) =>
      this.parts.some((present) => present.key === part.key && intersect(present.region, part.region) !== undefined),
    );
  }

  add(batch: Batch): void {
    this.#batches.push(batch);
    if (batch.participant !== undefined) this.#ranks.add(batch.participant.rank);
  }

  /** Whether every rank has arrived or, without ranks, the regions cover all tensors. */
  isComplete(): boolean {
    if (this.#first.participant !== undefined) return this.#ranks.size === this.#first.participant.ranks;
    return this.uncovered() === undefined;
  }

  /** A region of a tensor that no piece with bytes covers; undefined proves that all are covered. */
  uncovered(): { readonly key: string; readonly region: Region } | undefined {
    for (const [key, parts] of partsByKey(this.parts)) {
      const { uncovered } = planReshard(wholeRegion(parts[0]!.globalShape), held(parts));
      if (uncovered[0] !== undefined) return { key, region: uncovered[0] };
    }
    return undefined;
  }
}

/** The parts of a batch under their keys. */
export function partsByKey(parts: readonly Part[]): Map<string, Part[]> {
  return Map.groupBy(parts, (part) => part.key);
}

/** The parts that have bytes. */
export function held(parts: readonly Part[]): HeldPart[] {
  return parts.flatMap(({ region, place }) => (place === undefined ? [] : { region, place }));
}

/** The first part that disagrees with another of the same key about dtype or global shape. */
export function disagreement(
  parts: readonly Part[],
): { readonly key: string; readonly expected: string; readonly actual: string } | undefined {
  for (const [key, [first, ...rest]] of partsByKey(parts)) {
    const odd = rest.find((part) => part.dtype !== first!.dtype || !sameShape(part.globalShape, first!.globalShape));
    if (odd === undefined) continue;
    return {
      key,
      expected: describeTensor(first!.dtype, first!.globalShape),
      actual: describeTensor(odd.dtype, odd.globalShape),
    };
  }
  return undefined;
}
