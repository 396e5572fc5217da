// R rows, T tokens of a row: P of its prefix, then M lanes of W tokens each, X = M*W; K key/value heads, G query heads a
// key/value head, C channels of a head

import {
  addDims,
  concat,
  type Dim,
  expand,
  greater,
  multiplyDims,
  reshape,
  split,
  unsqueeze,
  type Value,
} from '@forge/onnx';
import type { AttentionCore } from './attention.ts';
import type { ModelConfig } from './config.ts';
import { causalMask, maskedAttention, maskWhere, type PlacedTokens } from './masked-attention.ts';
import { headLayout } from './packed-attention.ts';

/** Rows that begin with a prefix which all their lanes continue. */
export interface PrefixedRows {
  /** int64 [R, P]; no lane sees padding. */
  readonly prefix_RP: PlacedTokens;
  /** int64 [R, M, W] */
  readonly lanes_RMW: PlacedTokens;
}

/**
 * Causal attention in which the tokens of a lane see the prefix of their row and then their own segment: the prompt of
 * many completions is computed once. The prefix is causal in itself.
 */
export function prefixAttention(config: ModelConfig, { prefix_RP, lanes_RMW }: PrefixedRows): AttentionCore {
  const [R, M, W] = lanes_RMW.segments.shape as readonly [Dim, Dim, Dim]; // three symbolic axes
  const P = prefix_RP.segments.shape[1]!; // [rows, prefix]
  const X = multiplyDims(M, W);
  const { numKeyValueHeads: K, headDim: C } = config;
  const sizesFrom = [lanes_RMW.segments, prefix_RP.segments];
  const cut = (x: Value): readonly [Value, Value] => split(x, [P, X], 2, { sizesFrom }) as readonly [Value, Value]; // two pieces

  const asLane = (x_RP: Value): Value => unsqueeze(x_RP, [1]);
  const prefixMask_R1PP = causalMask({ positions: asLane(prefix_RP.positions), segments: asLane(prefix_RP.segments) });
  const seesPrefix_R11P = maskWhere(greater(unsqueeze(prefix_RP.segments, [1, 2]), 0));
  const lanesMask_RMWS = concat([expand(seesPrefix_R11P, [R, M, W, P], { sizesFrom }), causalMask(lanes_RMW)], 3);

  /** What the prefix sees, [R, K, 1, P, C], and what each lane sees, [R, K, M, P+W, C]. */
  const seen = (x_RKTC: Value): readonly [Value, Value] => {
    const [prefix_RKPC, lanes_RKXC] = cut(x_RKTC);
    const prefix_RK1PC = unsqueeze(prefix_RKPC, [2]);
    const repeated_RKMPC = expand(prefix_RK1PC, [R, K, M, P, C], { sizesFrom });
    return [prefix_RK1PC, concat([repeated_RKMPC, reshape(lanes_RKXC, [R, K, M, W, C], { sizesFrom })], 3)];
  };
  const { byHead, toTokens } = headLayout(config, { R, T: addDims(P, X), sizesFrom });
  return (heads) => {
    const { query_RKTGC, key_RKTC, value_RKTC } = byHead(heads);
    const queries = cut(query_RKTGC);
    const [keys, values] = [seen(key_RKTC), seen(value_RKTC)];
    const mixed = ([prefixMask_R1PP, lanesMask_RMWS] as const).map((mask, part) => {
      const lanes = { query_RKXGC: queries[part]!, key_RKLSC: keys[part]!, value_RKLSC: values[part]! }; // two parts
      return maskedAttention(lanes, mask, sizesFrom);
    });
    return toTokens(concat(mixed, 2));
  };
}
