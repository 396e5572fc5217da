// P positions
import { type ModelConfig, rotationTables } from '@forge/models';
import { type Tensor, tensor } from '@forge/tensor';
import type { BatchFeeds } from './batch.ts';

/** A batch as inputs of the generation graph, over a cache of some capacity. */
export type Placement = (batch: BatchFeeds, capacity: number) => Readonly<Record<string, Tensor>>;

/** What the graph takes beside the tokens: the batch-invariant one all positions of the cache, the other their rotations. */
export function placementOf(config: ModelConfig, batchInvariant: boolean): Placement {
  return batchInvariant ? byPositions() : byRotation(config);
}

function byPositions(): Placement {
  let positions = tensor('int64', [0]);
  return ({ total_sequence_length, ...batch }, capacity) => {
    if (positions.data.length !== capacity) {
      positions = tensor(
        'int64',
        [capacity],
        BigInt64Array.from({ length: capacity }, (_, at) => BigInt(at)),
      );
    }
    return { ...batch, cache_positions: positions };
  };
}

function byRotation(config: ModelConfig): Placement {
  let tables_Pc = rotationTables(config, 0);
  return (batch, capacity) => {
    if (tables_Pc.cos.shape[0]! < capacity) tables_Pc = rotationTables(config, capacity);
    return { ...batch, ...tables_Pc };
  };
}
