import { bytesOf, sameRegion } from '@forge/tensor';
import { metadataVolume, type Part } from './batch.ts';
import { byteCount } from './byte-box.ts';
import { castGroups } from './cast-wishes.ts';
import type { OperationCounter } from './client-statistics.ts';
import { concurrently } from './concurrently.ts';
import { ChecksumError } from './failures.ts';
import { type Package, type PackOptions, type PlacedPackages, packPieces } from './pack.ts';
import { readPages } from './pages.ts';
import { checksumOf } from './piece-proof.ts';
import type { PlannedFetch, Planner, Wish } from './planner.ts';
import type { Link, Session } from './session.ts';
import type { Piece } from './sharded-tensor.ts';

/** Segments written at the same time, to each volume. */
const maxOpenSegments = 2;

/** How pieces are written. */
export interface WriteOptions {
  /** The volumes that get them, each all. */
  readonly homes: readonly Link[];
  readonly nextSegment: () => string;
  readonly spotOf?: PackOptions['spotOf'];
  readonly skipReplicas: boolean;
  /** The segments may exist: they are written again. */
  readonly overwrites: boolean;
  readonly counter: OperationCounter;
  readonly signal?: AbortSignal | undefined;
}

/** Writes pieces, and says where they lie. */
export async function writePieces(
  pieces: readonly Piece[],
  { homes, nextSegment, spotOf, skipReplicas, overwrites, counter, signal }: WriteOptions,
): Promise<readonly Part[]> {
  const { packages, partsOn } = packPieces(pieces, { nextSegment, spotOf, skipReplicas });
  const places: PlacedPackages[] = [];
  const write = async ({ volume, transport }: Link) => {
    const checksums = new Map<string, readonly number[]>();
    await concurrently(packages, maxOpenSegments, async ({ segment, buffers }: Package) => {
      const own = await transport.write(segment, buffers, { overwrites, signal });
      if (own !== undefined) checksums.set(segment, own);
    });
    for (const { buffers } of packages) for (const { length } of buffers) counter.moved(transport.kind, length);
    places.push({ volume, checksums });
  };
  await Promise.all(homes.map(write));
  return partsOn(places);
}

/** What reading needs. */
export interface ReadOptions {
  readonly session: Session;
  readonly planner: Planner;
  /** Volumes that do not answer: other replicas are read if there are any. */
  readonly avoided: ReadonlySet<string>;
  readonly counter: OperationCounter;
  /** A page of the bytes that lie with the metadata. */
  readonly pageAt: (page: number) => Uint8Array | Promise<Uint8Array>;
  readonly signal?: AbortSignal | undefined;
}

/** Fills the targets of wishes that do not show their bytes yet; what has another dtype than its target passes through scratch memory. */
export async function readWishes(wishes: readonly Wish[], options: ReadOptions): Promise<void> {
  const missing = wishes.filter(({ isView = false }) => !isView);
  if (options.session.checksMemory) for (const wish of wishes) if (wish.isView === true) await verifyView(wish);
  if (missing.length === 0) return;
  const asStored = missing.filter(({ located, target }) => located.dtype === target.dtype);
  await read(asStored, options);
  if (asStored.length === missing.length) return;
  for (const group of castGroups(missing.filter(({ located, target }) => located.dtype !== target.dtype))) {
    await read(
      group.map(({ wish }) => wish),
      options,
    );
    for (const { place } of group) place();
  }
}

/** @throws {ChecksumError} when a view shows a whole piece that is not what was put */
async function verifyView({ located: { key, parts }, region, target }: Wish): Promise<void> {
  const part = parts.find((each) => each.place.checksum !== undefined && sameRegion(each.region, region));
  if (part?.place.checksum === undefined) return;
  const { volume, checksum: expected } = part.place;
  const actual = await checksumOf(bytesOf(target));
  if (actual !== expected) throw new ChecksumError(key, { volume, expected, actual });
}

/** Reads; what is damaged on one volume is read from another. @throws {ChecksumError} when there is no other */
async function read(wishes: readonly Wish[], options: ReadOptions): Promise<void> {
  try {
    await readOnce(wishes, options);
  } catch (error) {
    if (!(error instanceof ChecksumError) || options.avoided.has(error.volume)) throw error;
    await read(wishes, { ...options, avoided: new Set([...options.avoided, error.volume]) });
  }
}

async function readOnce(wishes: readonly Wish[], options: ReadOptions): Promise<void> {
  const { session, planner, avoided, counter, pageAt, signal } = options;
  const ranks = new Map<string, number>([[metadataVolume, 0]]);
  for (const { located } of wishes) {
    for (const { place } of located.parts) {
      if (ranks.has(place.volume)) continue;
      const isNear = (await session.transportTo(place.volume)) === 'tmpfs';
      ranks.set(place.volume, avoided.has(place.volume) ? 2 : isNear ? 0 : 1);
    }
  }
  const fetches = planner.plan(wishes, (volume) => ranks.get(volume) ?? 2);
  // All settle first: what goes on reading after the pin is released could bring bytes of a later put.
  const settled = await Promise.allSettled([...fetches].map(([volume, own]) => readFrom(volume, own)));
  for (const each of settled) if (each.status === 'rejected') throw each.reason;

  async function readFrom(volume: string, own: readonly PlannedFetch[]): Promise<void> {
    const link = volume === metadataVolume ? undefined : await session.link(volume);
    if (link === undefined) await readPages(own, pageAt);
    else await link.transport.read(own, { signal });
    if (link?.transport.isChecked === true) for (const { proof } of own) proof?.verify();
    const way = link?.transport.kind ?? 'inline';
    for (const { box } of own) counter.moved(way, byteCount(box));
  }
}
