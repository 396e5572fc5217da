import { bytesOf } from '@forge/tensor';
import type { Part, Place } from './batch.ts';
import type { SegmentSpot } from './live-memory.ts';
import type { Piece } from './sharded-tensor.ts';

/** Buffers that become one segment. */
export interface Package {
  readonly segment: string;
  readonly buffers: Uint8Array[];
}

/** A volume that holds all packages, and the checksums of the buffers of those that it has checksums of. */
export interface PlacedPackages {
  readonly volume: string;
  readonly checksums: ReadonlyMap<string, readonly number[]>;
}

/** How pieces are packed. */
export interface PackOptions {
  readonly nextSegment: () => string;
  /** Where bytes lie already; undefined when they have to be written. @default none does */
  readonly spotOf?: ((bytes: Uint8Array) => SegmentSpot | undefined) | undefined;
  /** A piece that another rank holds too is left to that rank: there is only one volume. */
  readonly skipReplicas: boolean;
}

/** Pieces of at least this size have a segment of their own, so that their memory is freed with them. */
const largeBytes = 2 ** 20;
/** Smaller ones share segments of up to this size. */
const packBytes = 8 * 2 ** 20;
/** Where each piece begins in a segment is a multiple of this: a cache line, and enough for any dtype. */
const alignment = 64;

/**
 * Where a large piece begins in its segment. Large arrays begin 16 bytes after the beginning of a page, behind what
 * malloc notes there. A copy of short rows takes a third longer when its target lies a little further in a page than its
 * source: the processor tells loads from the stores before them by the lower 12 bits of their addresses.
 */
const largeOffset = 32;

const padding = new Uint8Array(alignment);

interface Spot extends SegmentSpot {
  readonly byteLength: number;
  /** Of the buffer in its package; undefined when it is in none. */
  readonly index?: number;
}

/** Which piece goes where: the segments to write, and the metadata that says so once they are written to volumes. */
export function packPieces(
  pieces: readonly Piece[],
  { nextSegment, spotOf, skipReplicas }: PackOptions,
): {
  readonly packages: readonly Package[];
  /** The pieces on volumes, which are replicas of each other. */
  readonly partsOn: (volumes: readonly PlacedPackages[]) => readonly Part[];
} {
  const packages: Package[] = [];
  let pack: Package | undefined;
  let packed = 0;
  const spot = (bytes: Uint8Array): Spot => {
    if (bytes.length >= largeBytes) {
      const own = { segment: nextSegment(), buffers: [padding.subarray(0, largeOffset), bytes] };
      packages.push(own);
      return { segment: own.segment, byteOffset: largeOffset, byteLength: bytes.length, index: 1 };
    }
    if (pack === undefined || packed + bytes.length > packBytes) {
      pack = { segment: nextSegment(), buffers: [] };
      packages.push(pack);
      packed = 0;
    }
    const own = { segment: pack.segment, byteOffset: packed, byteLength: bytes.length, index: pack.buffers.length };
    const gap = (alignment - (bytes.length % alignment)) % alignment;
    pack.buffers.push(bytes);
    if (gap > 0) pack.buffers.push(padding.subarray(0, gap));
    packed += bytes.length + gap;
    return own;
  };
  const spots = pieces.map(({ local, isReplica }): Spot | undefined => {
    const bytes = bytesOf(local);
    if (bytes.length === 0 || (isReplica && skipReplicas)) return undefined;
    const own = spotOf?.(bytes);
    return own === undefined ? spot(bytes) : { ...own, byteLength: bytes.length };
  });
  const partsOn = (volumes: readonly PlacedPackages[]) =>
    pieces.map(({ key, local, globalShape, region }, piece): Part => {
      const own = spots[piece];
      const places = own === undefined ? [] : volumes.map((volume) => placeOf(own, volume));
      return { key, dtype: local.dtype, globalShape, region, places };
    });
  return { packages, partsOn };
}

function placeOf({ index, ...spot }: Spot, { volume, checksums }: PlacedPackages): Place {
  const checksum = index === undefined ? undefined : checksums.get(spot.segment)?.[index];
  return { ...spot, volume, ...(checksum !== undefined && { checksum }) };
}

/** Bytes that pieces will take on all volumes together. */
export function bytesToWrite(
  pieces: readonly Piece[],
  { volumes, skipReplicas }: Pick<PackOptions, 'skipReplicas'> & { readonly volumes: number },
): number {
  let bytes = 0;
  for (const { local, isReplica } of pieces) if (!(isReplica && skipReplicas)) bytes += local.data.byteLength;
  return bytes * volumes;
}
