// B batch, T new tokens, H query heads, K key/value heads, C channels of a head, S capacity of the cache, P positions
import { multiplyDims } from '../dim.ts';
import { ShapeError } from '../errors.ts';
import { type Attributes, applyAll, type Value } from '../value.ts';

export interface GroupQueryAttentionOptions {
  /** [B, T, H*C] */
  readonly query: Value;
  /** [B, T, K*C] */
  readonly key: Value;
  /** [B, T, K*C] */
  readonly value: Value;
  /** [B, K, S, C] */
  readonly pastKey: Value;
  /** [B, K, S, C] */
  readonly pastValue: Value;
  /** int32 [B]: tokens in each sequence after this step, less one. */
  readonly seqlensK: Value;
  /** int32 []: tokens in the longest sequence after this step. */
  readonly totalSequenceLength: Value;
  readonly numHeads: number;
  readonly numKvHeads: number;
  /** Rotates queries and keys by their positions: cosines and sines [P, C/2]. @default no rotation */
  readonly rotary?: { readonly cos: Value; readonly sin: Value };
  /** Factor of the scores. @default 1 / sqrt(C) */
  readonly scale?: number;
}

export interface GroupQueryAttentionResult {
  /** [B, T, H*C] */
  readonly output: Value;
  /** [B, K, S, C]: the cache with the new keys. */
  readonly presentKey: Value;
  /** [B, K, S, C]: the cache with the new values. */
  readonly presentValue: Value;
}

/**
 * Causal attention over a key/value cache. Fetch `presentKey` and `presentValue` into the memory that is fed as
 * `pastKey` and `pastValue`: then the step writes its own tokens only, and its cost does not depend on S.
 * It has no gradient.
 *
 * What onnxruntime 1.30 does with lengths (each line is a case of `test/session/group-query-attention.test.ts`):
 * - T = 1: sequence b attends to its `seqlensK[b]` cached tokens and the new one, which is written to the cache at place
 *   `seqlensK[b]`; lengths may differ. `totalSequenceLength` must not exceed S and has no other effect. A slot that is
 *   idle is written too: at place 0 when its `seqlensK` is 0, and -1 is refused.
 * - T > 1 and `totalSequenceLength` = T: a first prompt, whatever the cache holds. Prompts of different lengths are padded
 *   on the right; the padding is written to the cache after each prompt, where later tokens overwrite it, and its rows of
 *   `output` mean nothing.
 * - T > 1 and `totalSequenceLength` != T: a further piece of a prompt, for B = 1 only (larger B is refused); it starts at
 *   place `seqlensK[0] + 1 - T`. A padded piece counts its padding in `seqlensK`. In a batch, run each slot alone: its
 *   cache is a contiguous part of the batch's.
 * - With `rotary`, C must be a multiple of 16, and rotated keys are what the cache holds.
 *
 * @throws {ShapeError} when heads, channels and operands do not fit together.
 * Source: onnxruntime operator `GroupQueryAttention` (com.microsoft).
 */
export function groupQueryAttention(options: GroupQueryAttentionOptions): GroupQueryAttentionResult {
  const { query, key, value, pastKey, pastValue, seqlensK, totalSequenceLength, numHeads, numKvHeads } = options;
  const { rotary, scale } = options;
  const channels = pastKey.shape[3] ?? 0;
  const wanted = {
    query: [...query.shape.slice(0, 2), multiplyDims(numHeads, channels)],
    key: [...query.shape.slice(0, 2), multiplyDims(numKvHeads, channels)],
    pastKey: [query.shape[0], numKvHeads, pastKey.shape[2], channels],
    seqlensK: [query.shape[0]],
    totalSequenceLength: [],
  };
  const given: readonly (readonly [Value, readonly unknown[]])[] = [
    [query, wanted.query],
    [key, wanted.key],
    [value, wanted.key],
    [pastKey, wanted.pastKey],
    [pastValue, wanted.pastKey],
    [seqlensK, wanted.seqlensK],
    [totalSequenceLength, wanted.totalSequenceLength],
  ];
  const refuse = (reason: string): never => {
    const shapes = given.map(([operand]) => operand.shape);
    throw new ShapeError('GroupQueryAttention', shapes, reason);
  };
  if (numHeads % numKvHeads !== 0) refuse(`${numHeads} heads cannot share ${numKvHeads} key/value heads evenly`);
  for (const [{ shape }, wants] of given) {
    if (shape.join() !== wants.join()) refuse(`[${shape.join(', ')}] should be [${wants.join(', ')}]`);
  }
  const attributes: Attributes = {
    num_heads: { int: numHeads },
    kv_num_heads: { int: numKvHeads },
    do_rotary: { int: rotary === undefined ? 0 : 1 },
    ...(scale === undefined ? {} : { scale: { float: scale } }),
  };
  const inputs = [query, key, value, pastKey, pastValue, seqlensK, totalSequenceLength];
  if (rotary !== undefined) inputs.push(rotary.cos, rotary.sin);
  const [output, presentKey, presentValue] = applyAll(
    'GroupQueryAttention',
    inputs,
    [query, pastKey, pastValue],
    attributes,
  ) as readonly [Value, Value, Value]; // three types were given
  return { output, presentKey, presentValue };
}
