// R rows, T tokens of a row, N = R*T, D model width

import { input, reshape, type Value } from '@forge/onnx';
import type { ModelConfig } from './config.ts';
import { decode } from './decoder.ts';
import { packedAttention } from './packed-attention.ts';
import { type WeightInputs, weightInputs } from './weight-inputs.ts';

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

/** Builds the layers over the inputs `input_ids`, `position_ids` and `segment_ids` (int64 [rows, tokens]). */
export function packedDecoder(config: ModelConfig): PackedDecoder {
  const rows = ['rows', 'tokens'] as const;
  const inputIds = input('input_ids', 'int64', rows);
  const positionIds = input('position_ids', 'int64', rows);
  const segmentIds = input('segment_ids', 'int64', rows);
  const attend = packedAttention(config, { positionIds_RT: positionIds, segmentIds_RT: segmentIds });
  const weights = weightInputs(config);
  const stream = decode({ config, weights, inputIds, positionIds, attend });
  return {
    weights,
    stream,
    last_ND: stream.at(-1)!, // the embedding at least
    inRows: (x, width) => reshape(x, [...rows, width], { sizesFrom: [inputIds] }),
  };
}
