// N tokens of all rows, P tokens that are picked, D model width, V vocabulary

import { gather, rmsNorm, type Value } from '@forge/onnx';
import type { AttentionCore, LayerContext } from './attention.ts';
import { block } from './block.ts';
import type { ModelConfig } from './config.ts';
import type { Rotation } from './rope.ts';
import type { WeightInputs } from './weight-inputs.ts';

/** What the layers of a decoder work on. */
export interface DecoderInputs {
  readonly config: ModelConfig;
  readonly weights: WeightInputs;
  /** The embedding of each token, [N, D]; or with several axes of tokens in place of N, as `attend` returns them. */
  readonly x_ND: Value;
  readonly rotate: Rotation;
  readonly attend: AttentionCore;
}

/**
 * Tokens to the residual stream: the embedding first, then the output of each layer, all of the shape of `x_ND` and before
 * the final norm.
 */
export function decode({ config, weights, x_ND, rotate, attend }: DecoderInputs): readonly Value[] {
  const context: LayerContext = { config, rotate, attend };
  const stream = [x_ND];
  for (let layer = 0; layer < config.numHiddenLayers; layer += 1) {
    const last_ND = stream[layer]!; // one entry a layer so far
    stream.push(block(last_ND, { weights: weights.within(`model.layers.${layer}`), layer, context }));
  }
  return stream;
}

/** Looks tokens up: int64 ids of any shape. Returns [..., D]. */
export const embed = (inputIds: Value, weights: WeightInputs): Value =>
  gather(weights.get('model.embed_tokens.weight'), inputIds);

/** The final norm. Returns the shape of `x_PD`. */
export function finalNorm(x_PD: Value, config: ModelConfig, weights: WeightInputs): Value {
  return rmsNorm(x_PD, weights.get('model.norm.weight'), config.rmsNormEps);
}

/** Normed hidden states to logits, by the embedding where the model is tied. Returns [P, V]. */
export function outputHead(x_PD: Value, config: ModelConfig, weights: WeightInputs): Value {
  const name = config.tieWordEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
  return weights.product(x_PD, name);
}
