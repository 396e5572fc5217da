// B sequences, T new tokens of each, N = B*T, S capacity of the cache, H query heads, K key/value heads,
// C channels of a head, W channels of a head in the cache

import { groupQueryAttention, input, pad, reshape, slice, type Value } from '@forge/onnx';
import type { AttentionCore } from './attention.ts';
import type { ModelConfig } from './config.ts';

/** Attention over a cache, and the caches with the new tokens in them. */
export interface CachedAttention {
  readonly attend: AttentionCore;
  /** `present_key.i` and `present_value.i`, filled while the layers are built. */
  readonly presents: Record<string, Value>;
}

/** The kernel takes heads of a multiple of this many channels. */
const CHANNELS_MULTIPLE = 8;

/**
 * Channels of a head in the key/value cache: `headDim`, rounded up to a multiple of eight. Channels beyond `headDim`
 * hold 0 and add nothing to a score.
 */
export function cacheHeadDim({ headDim }: ModelConfig): number {
  return Math.ceil(headDim / CHANNELS_MULTIPLE) * CHANNELS_MULTIPLE;
}

/**
 * Causal attention of new tokens over a key/value cache that is written in place. Returns [B, T, H*C].
 *
 * @param inputIds_BT - int64; its sizes are those of the batch.
 */
export function cachedAttention(config: ModelConfig, inputIds_BT: Value): CachedAttention {
  const { numAttentionHeads: H, numKeyValueHeads: K, headDim: C } = config;
  const W = cacheHeadDim(config);
  const [B, T] = inputIds_BT.shape as readonly [string, string]; // two symbolic axes
  const sizesFrom = [inputIds_BT];
  const seqlensK = input('seqlens_k', 'int32', [B]);
  const totalSequenceLength = input('total_sequence_length', 'int32', []);
  const presents: Record<string, Value> = {};
  const widened = (x_NHC: Value, heads: number): Value =>
    reshape(pad(x_NHC, { axis: 2, after: W - C }), [B, T, heads * W], { sizesFrom });
  return {
    presents,
    attend({ query_NHC, key_NKC, value_NKC }, layer) {
      const past = (what: string): Value => input(`past_${what}.${layer}`, 'float32', [B, K, 'capacity', W]);
      const { output, presentKey, presentValue } = groupQueryAttention({
        query: widened(query_NHC, H),
        key: widened(key_NKC, K),
        value: widened(value_NKC, K),
        pastKey: past('key'),
        pastValue: past('value'),
        seqlensK,
        totalSequenceLength,
        numHeads: H,
        numKvHeads: K,
        scale: 1 / Math.sqrt(C),
      });
      presents[`present_key.${layer}`] = presentKey;
      presents[`present_value.${layer}`] = presentValue;
      const mixed_NHC = slice(reshape(output, [-1, H, W], { sizesFrom }), { axis: 2, end: C });
      return reshape(mixed_NHC, [B, T, H * C], { sizesFrom });
    },
  };
}
