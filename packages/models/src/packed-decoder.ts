// R rows, T tokens of a row, N = R*T, D model width

import { input, multiplyDims, reshape, type Value } from '@forge/onnx';
import type { ModelConfig } from './config.ts';
import { decode, embed } from './decoder.ts';
import type { LoraConfig } from './lora/lora-config.ts';
import { packedRows } from './packed-rows.ts';
import { rotationAt } from './rope.ts';
import { type WeightInputs, weightInputs } from './weight-inputs.ts';

/** How rows are made up, and what the model has beside its weights. */
export interface PackedRowsOptions {
  /**
   * A row is a prefix and then lanes of equal width that all continue the prefix. `input_ids`, `position_ids` and
   * `segment_ids` are int64 [rows, lanes, width]; `prefix_ids`, `prefix_position_ids` and `prefix_segment_ids` are int64
   * [rows, prefix], with at least one token, which may be padding. A token of a lane attends to the prefix and to its own
   * segment of its lane. A row has prefix + lanes·width tokens, in this order. @default false
   */
  readonly sharedPrefix?: boolean;
  /** Adds adapters to linear layers, whose weights are further inputs. @default none */
  readonly lora?: LoraConfig;
}

export interface PackedDecoderOptions extends PackedRowsOptions {
  /** Takes `x`, the embedding of each token in the order of the rows, float32 [N, D], in place of the ids. @default false */
  readonly embedded?: boolean;
}

/** The decoder over packed rows, as scoring and training use it. */
export interface PackedDecoder {
  readonly weights: WeightInputs;
  /** The embedding and the output of each layer, [N, D]. */
  readonly stream: readonly Value[];
  /** The last of `stream`. */
  readonly last_ND: Value;
  /** `x` of [N, width] as [R, T, width]. */
  inRows(x: Value, width: number): Value;
}

/** Builds the layers over the inputs `input_ids`, `position_ids` and `segment_ids`, with their prefixes if there are any. */
export function packedDecoder(
  config: ModelConfig,
  { sharedPrefix = false, lora, embedded = false }: PackedDecoderOptions = {},
): PackedDecoder {
  const { inputIds_RT, positionIds_RT, attend } = packedRows(config, sharedPrefix);
  const weights = weightInputs(config, lora);
  const x_ND = embedded
    ? input('x', 'float32', [multiplyDims(...inputIds_RT.shape), config.hiddenSize])
    : embed(reshape(inputIds_RT, [-1]), weights);
  const stream = decode({ config, weights, x_ND, rotate: rotationAt(reshape(positionIds_RT, [-1]), config), attend });
  return {
    weights,
    stream,
    last_ND: stream.at(-1)!, // the embedding at least
    inRows: (x, width) => reshape(x, [...inputIds_RT.shape, width], { sizesFrom: [inputIds_RT] }),
  };
}
