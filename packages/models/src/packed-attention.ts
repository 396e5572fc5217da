// R rows, T tokens of a row, K key/value heads, G query heads a key/value head, C channels of a head

import { type Dim, multiplyDims, reshape, transpose, unsqueeze, type Value } from '@forge/onnx';
import type { AttentionCore } from './attention.ts';
import type { ModelConfig } from './config.ts';
import { causalMask, maskedAttention } from './masked-attention.ts';

/** Which tokens of a row belong together, and their order. */
export interface PackedRows {
  /** int64 [R, T] */
  readonly positionIds_RT: Value;
  /** int64 [R, T]; 0 is padding, which attends to padding and so stays finite. */
  readonly segmentIds_RT: Value;
}

/**
 * Causal attention inside each segment of each row: a token attends to the tokens of its segment whose position is not
 * beyond its own.
 */
export function packedAttention(config: ModelConfig, { positionIds_RT, segmentIds_RT }: PackedRows): AttentionCore {
  const [R, T] = positionIds_RT.shape as readonly [Dim, Dim]; // two symbolic axes
  const sizesFrom = [positionIds_RT];
  const asLane = (x_RT: Value): Value => unsqueeze(x_RT, [1]);
  const mask_R1TT = causalMask({ positions: asLane(positionIds_RT), segments: asLane(segmentIds_RT) });
  const { byHead, toTokens } = headLayout(config, { R, T, sizesFrom });
  return (heads) => {
    const { query_RKTGC, key_RKTC, value_RKTC } = byHead(heads);
    const [key_RKLSC, value_RKLSC] = [unsqueeze(key_RKTC, [2]), unsqueeze(value_RKTC, [2])];
    return toTokens(maskedAttention({ query_RKXGC: query_RKTGC, key_RKLSC, value_RKLSC }, mask_R1TT, sizesFrom));
  };
}

/** Heads before tokens. */
export interface ByHead {
  readonly query_RKTGC: Value;
  readonly key_RKTC: Value;
  readonly value_RKTC: Value;
}

/** From the tokens of all rows to each head of each row, and back to [R*T, K*G*C]. */
export interface HeadLayout {
  byHead(heads: Parameters<AttentionCore>[0]): ByHead;
  toTokens(mixed_RKTGC: Value): Value;
}

/** The layout of R rows of T tokens. */
export function headLayout(
  { numAttentionHeads, numKeyValueHeads: K, headDim: C }: ModelConfig,
  { R, T, sizesFrom }: { readonly R: Dim; readonly T: Dim; readonly sizesFrom: readonly Value[] },
): HeadLayout {
  const G = numAttentionHeads / K;
  const perHead = (x_NKC: Value): Value => transpose(reshape(x_NKC, [R, T, K, C], { sizesFrom }), [0, 2, 1, 3]);
  return {
    byHead: ({ query_NHC, key_NKC, value_NKC }) => ({
      query_RKTGC: transpose(reshape(query_NHC, [R, T, K, G, C], { sizesFrom }), [0, 2, 1, 3, 4]),
      key_RKTC: perHead(key_NKC),
      value_RKTC: perHead(value_NKC),
    }),
    toTokens: (mixed_RKTGC) =>
      reshape(transpose(mixed_RKTGC, [0, 2, 1, 3, 4]), [multiplyDims(R, T), K * G * C], { sizesFrom }),
  };
}
