// R rows, L lanes of a row, Q queries and S keys of a lane, X = L*Q, K key/value heads, G query heads a key/value head,
// C channels of a head

import {
  add,
  and,
  type Dim,
  equal,
  lessOrEqual,
  matMul,
  multiplyDims,
  reshape,
  scalar,
  softmax,
  unsqueeze,
  type Value,
  where,
} from '@forge/onnx';

/** Far below any score, and finite: a difference of two such scores is a number. */
const MASKED = -1e30;

/** Queries of L lanes one after the other, and the keys and values that each lane sees. */
export interface Lanes {
  readonly query_RKXGC: Value;
  readonly key_RKLSC: Value;
  readonly value_RKLSC: Value;
}

/**
 * Softmax attention inside each lane. Key and value heads are not repeated: the queries of a group become rows of one
 * product. Returns [R, K, X, G, C].
 *
 * @param mask_RLQS - added to the scores.
 * @param sizesFrom - values that have the symbolic sizes.
 */
export function maskedAttention(lanes: Lanes, mask_RLQS: Value, sizesFrom: readonly Value[]): Value {
  const { query_RKXGC, key_RKLSC, value_RKLSC } = lanes;
  const [R, L, Q, S] = mask_RLQS.shape as readonly [Dim, Dim, Dim, Dim]; // four axes
  const [, K, , G, C] = query_RKXGC.shape as readonly [Dim, Dim, Dim, Dim, number]; // five axes
  const query = reshape(query_RKXGC, [R, K, L, multiplyDims(Q, G), C], { sizesFrom });
  const scores = matMul(query, key_RKLSC, { transposeB: true, alpha: 1 / Math.sqrt(C) });
  const masked = add(reshape(scores, [R, K, L, Q, G, S], { sizesFrom }), unsqueeze(mask_RLQS, [1, 4]));
  const mixing = reshape(softmax(masked), scores.shape, { sizesFrom });
  return reshape(matMul(mixing, value_RKLSC), query_RKXGC.shape, { sizesFrom });
}

/** Which tokens belong together, and their order. */
export interface PlacedTokens {
  readonly positions: Value;
  /** Tokens attend within their segment; 0 is padding, which attends to padding and so stays finite. */
  readonly segments: Value;
}

/** 0 where a query may see a key: of its own segment and not at a later position; else far below any score. Tokens are int64 [R, L, Q]. Returns [R, L, Q, Q]. */
export function causalMask({ positions, segments }: PlacedTokens): Value {
  const ofQuery = (x_RLQ: Value): Value => unsqueeze(x_RLQ, [3]);
  const ofKey = (x_RLQ: Value): Value => unsqueeze(x_RLQ, [2]);
  const isSameSegment = equal(ofKey(segments), ofQuery(segments));
  const isNotLater = lessOrEqual(ofKey(positions), ofQuery(positions));
  return maskWhere(and(isSameSegment, isNotLater));
}

/** 0 where `visible` (bool) holds, else far below any score. */
export const maskWhere = (visible: Value): Value => where(visible, scalar(0), scalar(MASKED));
