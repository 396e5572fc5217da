// B sequences, T new tokens of each, N = B*T, S capacity of the cache, H query heads, K key/value heads, G = H/K,
// C channels of a head

import {
  cast,
  concat,
  type Dim,
  expand,
  input,
  lessOrEqual,
  scalar,
  scatterElements,
  split,
  unsqueeze,
  type Value,
  where,
} from '@forge/onnx';
import type { CachedAttention } from './cached-attention.ts';
import type { ModelConfig } from './config.ts';
import { maskedAttention, maskWhere } from './masked-attention.ts';
import { headLayout } from './packed-attention.ts';

/**
 * Attention over a key/value cache by the very products and sums of {@link packedAttention}: a token has the same bits
 * as in a packed row that begins with its sequence, whatever else the batch holds and however wide the cache is. Reads
 * the whole capacity of the cache, and needs memory for a copy of it.
 *
 * Adds the inputs `seqlens_k` int32 [batch], as for `groupQueryAttention`, and `cache_positions` int64 [capacity]: 0, 1, …
 *
 * @param positionIds_BT - int64; where in the cache the new tokens go.
 */
export function invariantAttention(config: ModelConfig, positionIds_BT: Value): CachedAttention {
  const { numKeyValueHeads: K, numAttentionHeads: H, headDim: C } = config;
  const [B, T] = positionIds_BT.shape as readonly [string, string]; // two symbolic axes
  const S: Dim = 'capacity';
  const cachePositions_S = input('cache_positions', 'int64', [S]);
  const lengths_B = input('seqlens_k', 'int32', [B]);
  const sizesFrom = [positionIds_BT, cachePositions_S];

  const isSeen_B1TS = lessOrEqual(cachePositions_S, unsqueeze(positionIds_BT, [1, 3]));
  const mask_B1TS = maskWhere(isSeen_B1TS);
  // What is beyond a sequence may be of another one that broke down: 0 times NaN would be NaN.
  const isHeld_B1S1 = lessOrEqual(
    unsqueeze(cachePositions_S, [0, 1, 3]),
    unsqueeze(cast(lengths_B, 'int64'), [1, 2, 3]),
  );
  const places_BKTC = expand(unsqueeze(positionIds_BT, [1, 3]), [B, K, T, C], { sizesFrom });
  const { byHead, toTokens } = headLayout(config, { R: B, T, sizesFrom });
  // A product of one row takes another kernel than one of several.
  const isPaired = (H / K) % 2 === 1;

  const presents: Record<string, Value> = {};
  const store = (what: string, new_BKTC: Value, layer: number): Value => {
    const past_BKSC = input(`past_${what}.${layer}`, 'float32', [B, K, S, C]);
    const present_BKSC = scatterElements(past_BKSC, { indices: places_BKTC, updates: new_BKTC, axis: 2 });
    presents[`present_${what}.${layer}`] = present_BKSC;
    return unsqueeze(where(isHeld_B1S1, present_BKSC, scalar(0)), [2]);
  };
  return {
    presents,
    attend(heads, layer) {
      const { query_RKTGC, key_RKTC, value_RKTC } = byHead(heads);
      const [key_RKLSC, value_RKLSC] = [store('key', key_RKTC, layer), store('value', value_RKTC, layer)];
      const [query, mask] = isPaired
        ? [concat([query_RKTGC, query_RKTGC], 2), concat([mask_B1TS, mask_B1TS], 2)]
        : [query_RKTGC, mask_B1TS];
      const mixed = maskedAttention({ query_RKXGC: query, key_RKLSC, value_RKLSC }, mask, sizesFrom);
      return toTokens(isPaired ? split(mixed, [T, T], 2, { sizesFrom })[0]! : mixed); // two pieces
    },
  };
}
