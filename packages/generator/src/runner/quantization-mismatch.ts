// T tokens, V vocabulary
import { type LoraAdapters, type ModelConfig, scoringGraph, type Weights } from '@forge/models';
import { openSession, type SessionOptions } from '@forge/onnx';
import { type Tensor, tensor } from '@forge/tensor';
import type { Logits } from '../sampling/sampler.ts';
import { prefillBatch } from './batch.ts';
import { cacheShape } from './cache/cache-shape.ts';
import { KvCache } from './cache/kv-cache.ts';
import { placementOf } from './placement.ts';
import { selectTokens } from './selected-tokens.ts';
import type { WeightsInUse } from './weight-sessions.ts';

/** Tokens that are compared at most, whose logits are in memory together, and places of a sequence that are computed. */
const [MAX_COMPARED, MAX_PLACES] = [64, 1024];

/** A sequence whose tokens from place `from` on were drawn. */
export interface DrawnTokens {
  readonly ids: readonly number[];
  /** At least 1. */
  readonly from: number;
}

/** How far log-probabilities of quantised weights are from those of the float32 ones they stand for. */
export interface QuantizationMismatch {
  /** Mean and largest absolute difference of the log-probability of a token. */
  readonly meanDifference: number;
  readonly maxDifference: number;
  /**
   * Mean of `quantised − float32`: for tokens that the quantised weights drew, an estimate of their divergence (k1, without
   * bias and noisy).
   */
  readonly kl: number;
}

/** Compares log-probabilities of the same tokens. */
export function mismatchOf(quantized_T: ArrayLike<number>, exact_T: ArrayLike<number>): QuantizationMismatch {
  let [sum, largest, signed] = [0, 0, 0];
  for (let at = 0; at < quantized_T.length; at++) {
    const difference = quantized_T[at]! - exact_T[at]!;
    sum += Math.abs(difference);
    signed += difference;
    largest = Math.max(largest, Math.abs(difference));
  }
  const count = Math.max(1, quantized_T.length);
  return { meanDifference: sum / count, maxDifference: largest, kl: signed / count };
}

/** What a mismatch is measured with. */
export interface MismatchParts {
  readonly config: ModelConfig;
  /** In float32. */
  readonly exact: { readonly weights: Weights; readonly adapters?: LoraAdapters | undefined };
  /** The same, quantised. */
  readonly quantized: WeightsInUse;
  /** Of the session that computes in float32. */
  readonly options: SessionOptions;
}

/**
 * Scores the first drawn tokens by both forms of the weights, in a run each; `undefined` where there are none. Activations of
 * `int8` have one scale a run, so that runs of few tokens are nearer to float32 than this tells.
 */
export async function measureMismatch(
  parts: MismatchParts,
  drawn: DrawnTokens | undefined,
): Promise<QuantizationMismatch | undefined> {
  if (drawn === undefined) return undefined;
  const { from } = drawn;
  const ids = drawn.ids.slice(0, Math.min(from + MAX_COMPARED, MAX_PLACES));
  if (from >= ids.length) return undefined;
  return mismatchOf(await quantizedLogProbs(parts, { ids, from }), await exactLogProbs(parts, { ids, from }));
}

async function quantizedLogProbs(
  { config, quantized: { session, feeds: weights } }: MismatchParts,
  { ids, from }: DrawnTokens,
): Promise<readonly number[]> {
  const cache = new KvCache(cacheShape(session));
  const capacity = ids.length;
  cache.reuse({ numSlots: 1, capacity });
  const { feeds, fetches } = cache.views(1);
  const picks = ids.slice(from);
  const {
    feeds: wanted,
    fetches: given,
    logits,
  } = selectTokens(config, new Float32Array(picks.length * config.vocabSize), false);
  const selected = int64([picks.length], placesBefore(picks, from));
  const placed = placementOf(config, false)(prefillBatch([ids], capacity), capacity);
  await session.run({ ...weights, ...feeds, ...placed, ...wanted, selected }, { ...fetches, ...given });
  return picks.map((id, at) => logProbOf(logits[at]!, id));
}

/** The places after which tokens from `from` on were drawn. */
function placesBefore(picks: readonly number[], from: number): readonly number[] {
  return picks.map((_, at) => from + at - 1);
}

function int64(shape: readonly number[], values: Iterable<number>): Tensor<'int64'> {
  return tensor('int64', shape, BigInt64Array.from(values, BigInt));
}

function logProbOf({ values_V, blocks }: Logits, id: number): number {
  const best = blocks?.best[0] ?? values_V.reduce((largest, value) => Math.max(largest, value));
  const sums = blocks?.sums_K ?? values_V.map((value) => Math.exp(value - best));
  return values_V[id]! - best - Math.log(sums.reduce((sum, value) => sum + value, 0));
}

async function exactLogProbs(
  { config, exact: { weights, adapters }, options }: MismatchParts,
  { ids, from }: DrawnTokens,
): Promise<ArrayLike<number>> {
  await using session = await openSession(scoringGraph(config, adapters && { lora: adapters.lora }), options);
  const T = ids.length;
  const picks = ids.slice(from);
  const { log_probs } = await session.run({
    ...weights,
    ...adapters?.weights,
    temperature: tensor('float32', [], Float32Array.of(1)),
    input_ids: int64([1, T], ids),
    position_ids: int64([1, T], ids.keys()),
    segment_ids: int64([1, T], new Uint8Array(T).fill(1)),
    selected: int64([picks.length], placesBefore(picks, from)),
    targets: int64([picks.length], picks),
  });
  return Array.from(log_probs!.data, Number);
}
