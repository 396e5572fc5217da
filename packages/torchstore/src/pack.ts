import { bytesOf } from '@forge/tensor';
import type { Part, Place } from './batch.ts';
import type { Piece } from './sharded-tensor.ts';

/** Buffers that become one segment. */
export interface Package {
  readonly segment: string;
  readonly buffers: Uint8Array[];
}

/** Pieces of at least this size have a segment of their own, so that their memory is freed with them. */
const largeBytes = 2 ** 20;
/** Smaller ones share segments of up to this size. */
const packBytes = 8 * 2 ** 20;
/** Where each piece begins in a segment is a multiple of this: a cache line, and enough for any dtype. */
const alignment = 64;

const padding = new Uint8Array(alignment);

/** Which piece goes where: the segments to write, and the metadata that says so. */
export function packPieces(
  pieces: readonly Piece[],
  {
    volume,
    nextSegment,
    skipReplicas,
  }: { readonly volume: string; readonly nextSegment: () => string; readonly skipReplicas: boolean },
): { readonly packages: readonly Package[]; readonly parts: readonly Part[] } {
  const packages: Package[] = [];
  let pack: Package | undefined;
  let packed = 0;
  const place = (bytes: Uint8Array): Place => {
    if (bytes.length >= largeBytes) {
      const own = { segment: nextSegment(), buffers: [bytes] };
      packages.push(own);
      return { volume, segment: own.segment, byteOffset: 0, byteLength: bytes.length };
    }
    if (pack === undefined || packed + bytes.length > packBytes) {
      pack = { segment: nextSegment(), buffers: [] };
      packages.push(pack);
      packed = 0;
    }
    const byteOffset = packed;
    const gap = (alignment - (bytes.length % alignment)) % alignment;
    pack.buffers.push(bytes, padding.subarray(0, gap));
    packed += bytes.length + gap;
    return { volume, segment: pack.segment, byteOffset, byteLength: bytes.length };
  };
  const parts = pieces.map(({ key, local, globalShape, region, isReplica }): Part => {
    const bytes = bytesOf(local);
    const isAbsent = bytes.length === 0 || (isReplica && skipReplicas);
    return { key, dtype: local.dtype, globalShape, region, place: isAbsent ? undefined : place(bytes) };
  });
  return { packages, parts };
}
