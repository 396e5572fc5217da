// R rows, T tokens of a row, K key/value heads, G query heads a key/value head, C channels of a head

import {
  add,
  and,
  equal,
  lessOrEqual,
  matMul,
  multiplyDims,
  reshape,
  scalar,
  softmax,
  transpose,
  unsqueeze,
  type Value,
  where,
} from '@forge/onnx';
import type { AttentionCore } from './attention.ts';
import type { ModelConfig } from './config.ts';

/** Far below any score, and finite: a difference of two such scores is a number. */
const MASKED = -1e30;

/** Which tokens of a row belong together, and their order. */
export interface PackedRows {
  /** int64 [R, T] */
  readonly positionIds_RT: Value;
  /** int64 [R, T]; 0 is padding, which attends to padding and so stays finite. */
  readonly segmentIds_RT: Value;
}

/**
 * Causal attention inside each segment of each row: a token attends to the tokens of its segment whose position is not
 * beyond its own. Key and value heads are not repeated: the queries of a group become rows of one product.
 */
export function packedAttention(config: ModelConfig, rows: PackedRows): AttentionCore {
  const { numKeyValueHeads: K, headDim: C } = config;
  const G = config.numAttentionHeads / K;
  const [R, T] = rows.positionIds_RT.shape as readonly [string, string]; // two symbolic axes
  const sizesFrom = [rows.positionIds_RT];
  const mask_R1T1T = causalMask(rows);
  return ({ query_NHC, key_NKC, value_NKC }) => {
    const byHead = (x_NKC: Value): Value => transpose(reshape(x_NKC, [R, T, K, C], { sizesFrom }), [0, 2, 1, 3]);
    const query_RKTGC = transpose(reshape(query_NHC, [R, T, K, G, C], { sizesFrom }), [0, 2, 1, 3, 4]);
    const TG = multiplyDims(T, G);
    const query_RKQC = reshape(query_RKTGC, [R, K, TG, C], { sizesFrom });
    const scores_RKQT = matMul(query_RKQC, byHead(key_NKC), { transposeB: true, alpha: 1 / Math.sqrt(C) });
    const scores_RKTGT = add(reshape(scores_RKQT, [R, K, T, G, T], { sizesFrom }), mask_R1T1T);
    const mixing_RKQT = reshape(softmax(scores_RKTGT), [R, K, TG, T], { sizesFrom });
    const mixed_RKQC = matMul(mixing_RKQT, byHead(value_NKC));
    const mixed_RTKGC = transpose(reshape(mixed_RKQC, [R, K, T, G, C], { sizesFrom }), [0, 2, 1, 3, 4]);
    return reshape(mixed_RTKGC, [multiplyDims(R, T), K * G * C]);
  };
}

/** 0 where a query (third axis) may see a key (last axis), else far below any score. Returns [R, 1, T, 1, T]. */
function causalMask({ positionIds_RT, segmentIds_RT }: PackedRows): Value {
  const ofQuery = (x_RT: Value): Value => unsqueeze(x_RT, [1, 3, 4]);
  const ofKey = (x_RT: Value): Value => unsqueeze(x_RT, [1, 2, 3]);
  const isSameSegment = equal(ofKey(segmentIds_RT), ofQuery(segmentIds_RT));
  const isNotLater = lessOrEqual(ofKey(positionIds_RT), ofQuery(positionIds_RT));
  return where(and(isSameSegment, isNotLater), scalar(0), scalar(MASKED));
}
