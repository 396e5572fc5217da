// R rows, T tokens of a row

import { concat, type Dim, input, multiplyDims, reshape, type Value } from '@forge/onnx';
import type { AttentionCore } from './attention.ts';
import type { ModelConfig } from './config.ts';
import { packedAttention } from './packed-attention.ts';
import { prefixAttention } from './prefix-attention.ts';

/** Tokens in rows, and how they attend to each other. */
export interface RowInputs {
  readonly inputIds_RT: Value;
  readonly positionIds_RT: Value;
  readonly attend: AttentionCore;
}

/** The inputs `input_ids`, `position_ids` and `segment_ids`, with their prefixes if there are any; see `PackedRowsOptions`. */
export const packedRows = (config: ModelConfig, sharedPrefix: boolean): RowInputs =>
  sharedPrefix ? prefixedRows(config) : plainRows(config);

function plainRows(config: ModelConfig): RowInputs {
  const [inputIds_RT, positionIds_RT, segmentIds_RT] = tokenInputs(
    ['input_ids', 'position_ids', 'segment_ids'],
    ['rows', 'tokens'],
  );
  return { inputIds_RT, positionIds_RT, attend: packedAttention(config, { positionIds_RT, segmentIds_RT }) };
}

function prefixedRows(config: ModelConfig): RowInputs {
  const [prefixIds, ...prefix] = tokenInputs(
    ['prefix_ids', 'prefix_position_ids', 'prefix_segment_ids'],
    ['rows', 'prefix'],
  );
  const [laneIds, ...lanes] = tokenInputs(['input_ids', 'position_ids', 'segment_ids'], ['rows', 'lanes', 'width']);
  const joined = (prefix_RP: Value, lanes_RMW: Value): Value =>
    concat([prefix_RP, reshape(lanes_RMW, ['rows', multiplyDims('lanes', 'width')])], 1);
  return {
    inputIds_RT: joined(prefixIds, laneIds),
    positionIds_RT: joined(prefix[0], lanes[0]),
    attend: prefixAttention(config, {
      prefix_RP: { positions: prefix[0], segments: prefix[1] },
      lanes_RMW: { positions: lanes[0], segments: lanes[1] },
    }),
  };
}

/** Ids, positions and segments of tokens. */
const tokenInputs = ([ids, positions, segments]: readonly [string, string, string], shape: readonly Dim[]) =>
  [input(ids, 'int64', shape), input(positions, 'int64', shape), input(segments, 'int64', shape)] as const;
