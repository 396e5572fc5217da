import type { DType, Shape } from '@forge/tensor';
import type { HeldPart } from './batch.ts';
import type { Catalog, Commit } from './catalog.ts';
import { bytesOfParts, type Entry, type Holdings, isTensorEntry } from './holdings.ts';
import type { Leases } from './leases.ts';
import type { Pending } from './pending.ts';
import type { Quota } from './quota.ts';

/** A put that waits for other ranks. */
export interface UnfinishedRecord {
  readonly version: number | undefined;
  readonly missingRanks: readonly number[];
  /** Bytes that have arrived. */
  readonly bytes: number;
}

/** What is known about a key without its bytes. */
export interface TensorRecord {
  readonly key: string;
  /** Undefined when nothing is visible yet. */
  readonly generation: number | undefined;
  readonly version: number | undefined;
  /** Undefined for an object, and when nothing is visible yet. */
  readonly dtype: DType | undefined;
  readonly shape: Shape | undefined;
  /** The visible pieces, once for each replica. */
  readonly parts: readonly HeldPart[];
  /** Bytes of the visible generation, replicas counted each. */
  readonly bytes: number;
  /** Generations that can be leased or read by version, oldest first; the visible one included. */
  readonly generations: readonly { readonly generation: number; readonly version: number | undefined }[];
  /** Leases that hold a generation of it. */
  readonly leases: number;
  /** Puts of this key that wait for other ranks, oldest first. */
  readonly pending: readonly UnfinishedRecord[];
  /** Volumes that died with pieces of it. */
  readonly lostVolumes: readonly string[];
}

/** Counts of everything that a store holds. */
export interface LedgerStatistics {
  /** Visible keys. */
  readonly keys: number;
  /** Generations of keys that lie in the store: visible, kept, leased or being read. */
  readonly generations: number;
  /** The number of the newest put that became visible. */
  readonly lastGeneration: number;
  readonly leases: number;
  /** Reads that run. */
  readonly reads: number;
  /** Puts and transactions that wait for ranks. */
  readonly unfinished: number;
  /** Bytes that are held, those of unfinished puts included. */
  readonly bytes: number;
  /** Bytes that writers have set aside. */
  readonly reservedBytes: number;
  /** Undefined without a quota. */
  readonly quotaBytes: number | undefined;
  readonly lostVolumes: readonly string[];
}

/** What is known about one key; undefined when nothing is. */
export function recordOf(
  key: string,
  known: {
    readonly entry: Entry | undefined;
    readonly pending: readonly Pending[];
    readonly commits: readonly Commit[];
    readonly leases: number;
  },
): TensorRecord | undefined {
  const { entry, pending, commits, leases } = known;
  if (entry === undefined && pending.length === 0) return undefined;
  const located = entry?.located;
  const tensor = located !== undefined && isTensorEntry(located) ? located : undefined;
  const object = located !== undefined && !isTensorEntry(located) ? located : undefined;
  const generations = new Map(
    [...commits, ...(located === undefined ? [] : [located])].map(({ generation, version }) => [
      generation,
      { generation, version },
    ]),
  );
  return {
    key,
    generation: located?.generation,
    version: located?.version,
    dtype: tensor?.dtype,
    shape: tensor?.shape,
    parts: tensor?.parts.map(({ region, place }) => ({ region, place })) ?? [],
    bytes: tensor?.parts.reduce((sum, { place }) => sum + place.byteLength, 0) ?? object?.bytes.length ?? 0,
    generations: [...generations.values()],
    leases,
    pending: pending.map(({ version, missingRanks, parts }) => ({
      version,
      missingRanks,
      bytes: bytesOfParts(parts),
    })),
    lostVolumes: tensor?.lostVolumes ?? [],
  };
}

/** Counts of everything in the ledger. */
export function statisticsOf(ledger: {
  readonly holdings: Holdings;
  readonly catalog: Catalog;
  readonly leases: Leases;
  readonly quota: Quota;
  readonly unfinished: number;
  readonly lostVolumes: readonly string[];
}): LedgerStatistics {
  const { holdings, catalog, leases, quota, unfinished, lostVolumes } = ledger;
  return {
    keys: catalog.size,
    generations: new Set([...catalog.all(), ...leases.entries()]).size,
    lastGeneration: catalog.lastGeneration,
    leases: leases.count,
    reads: leases.pinCount,
    unfinished,
    bytes: holdings.bytes,
    reservedBytes: quota.reserved,
    quotaBytes: Number.isFinite(quota.limit) ? quota.limit : undefined,
    lostVolumes,
  };
}
