// N tokens of all rows, D model width, H query heads, K key/value heads, C channels of a head

import { reshape, rmsNorm, type Value } from '@forge/onnx';
import type { ModelConfig } from './config.ts';
import { linear } from './linear.ts';
import type { Rotation } from './rope.ts';
import type { WeightInputs } from './weight-inputs.ts';

/** Queries, keys and values of one layer, rotated already. */
export interface Heads {
  readonly query_NHC: Value;
  readonly key_NKC: Value;
  readonly value_NKC: Value;
}

/**
 * Mixes values by queries and keys; the one part in which training and generation differ. Returns [N, H*C], or with the
 * axes of the tokens that the graph has in place of N.
 */
export type AttentionCore = (heads: Heads, layer: number) => Value;

/** What every layer of one graph is built with. */
export interface LayerContext {
  readonly config: ModelConfig;
  readonly rotate: Rotation;
  readonly attend: AttentionCore;
}

/**
 * Grouped-query attention: projections, norms over each head where the family has them, rotation, the core, and the
 * output projection. Returns the shape of `x_ND`.
 */
export function attention(
  x_ND: Value,
  {
    weights,
    layer,
    context,
  }: { readonly weights: WeightInputs; readonly layer: number; readonly context: LayerContext },
): Value {
  const { config, rotate, attend } = context;
  const heads = (name: string, count: number): Value => {
    const projected = linear(x_ND, weights.within(`${name}_proj`));
    return reshape(projected, [-1, count, config.headDim]);
  };
  const normed = (name: string, x_NHC: Value): Value =>
    config.queryKeyNorm ? rmsNorm(x_NHC, weights.get(`${name}_norm.weight`), config.rmsNormEps) : x_NHC;

  const query_NHC = rotate(normed('q', heads('q', config.numAttentionHeads)));
  const key_NKC = rotate(normed('k', heads('k', config.numKeyValueHeads)));
  const value_NKC = heads('v', config.numKeyValueHeads);
  return linear(attend({ query_NHC, key_NKC, value_NKC }, layer), weights.within('o_proj'));
}
