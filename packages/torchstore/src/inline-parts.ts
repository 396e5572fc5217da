import { bytesOf } from '@forge/tensor';
import type { Part } from './batch.ts';
import type { Piece } from './sharded-tensor.ts';

/*
 * Few bytes travel in the message of their commit and lie with the metadata, so a put or a get of them is one round trip.
 * They need no replicas: they live as long as the process of the metadata, and without that no volume's bytes can be found
 * either. So what is committed outlives any volume, and ends with the store. They count once, whatever `replicas` says.
 */

/** Pieces whose bytes travel with their metadata; undefined when together they are more than `maxBytes`. */
export function inlineParts(
  pieces: readonly Piece[],
  { maxBytes, skipReplicas }: { readonly maxBytes: number; readonly skipReplicas: boolean },
): readonly Part[] | undefined {
  let rest = maxBytes;
  for (const { local } of pieces) {
    rest -= local.data.byteLength;
    if (rest < 0) return undefined;
  }
  return pieces.map(({ key, local, globalShape, region, isReplica }): Part => {
    const part = { key, dtype: local.dtype, globalShape, region, places: [] };
    const isAbsent = local.data.length === 0 || (isReplica && skipReplicas);
    return isAbsent ? part : { ...part, bytes: bytesOf(local) };
  });
}
