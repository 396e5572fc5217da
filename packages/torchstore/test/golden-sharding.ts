import { readFileSync } from 'node:fs';
import { type Placement, replicate, shard, stridedShard } from '../src/index.ts';

type GoldenPlacement =
  | { readonly type: 'replicate' }
  | { readonly type: 'shard'; readonly dim: number }
  | { readonly type: 'strided_shard'; readonly dim: number; readonly split_factor: number };

interface GoldenCase {
  readonly global_shape: readonly number[];
  readonly mesh_shape: readonly number[];
  readonly placements: readonly GoldenPlacement[];
  readonly ranks: readonly {
    readonly coordinate: readonly number[];
    readonly local_shape: readonly number[];
    readonly global_offset: readonly number[];
  }[];
}

/** Elements, first, last and sum of a local tensor. */
export type Summary = readonly [count: number, first: number | null, last: number | null, sum: number];

interface GoldenSide {
  readonly mesh_shape: readonly number[];
  readonly placements: readonly GoldenPlacement[];
  readonly ranks: readonly Summary[];
}

interface Golden {
  readonly cases: readonly GoldenCase[];
  readonly strided_cases: readonly GoldenCase[];
  readonly reshard: readonly {
    readonly global_shape: readonly number[];
    readonly source: GoldenSide;
    readonly target: GoldenSide;
  }[];
}

/** What PyTorch's DTensor computed. */
// The file is part of the repository; its form is the interface above.
export const golden = JSON.parse(readFileSync(new URL('./golden/sharding.json', import.meta.url), 'utf8')) as Golden;

export function placementOf(placement: GoldenPlacement): Placement {
  if (placement.type === 'replicate') return replicate();
  return placement.type === 'shard' ? shard(placement.dim) : stridedShard(placement.dim, placement.split_factor);
}
