import { type ModelConfig, needsConstants, parameters, QUANTIZATIONS, type Quantization } from '@forge/models';
import type { SessionOptions } from '@forge/onnx';
import { elementCount } from '@forge/tensor';

/** vLLM's default on a CPU. */
const DEFAULT_KV_CACHE_BYTES = 4 * 2 ** 30;

/** How the model runs: options of the session, and what they leave open. */
export interface RunnerOptions extends SessionOptions {
  /**
   * Quantises the weights that are multiplied, when they are loaded and at every update: log-probabilities are then
   * those of another model, by a little, and a trainer corrects for it with importance weights. @default float32
   */
  readonly quantization?: Quantization | undefined;
  /**
   * Makes the weights constants of the session, which onnxruntime keeps in the order in which products read them: faster
   * for large models. Every update then makes a new session, while the old one goes on. As inputs of the session instead,
   * weights are used where they lie, and exchanged between two steps. `int8-blocks` and `int4` are always packed.
   * @default true from 32 MiB of weights on, unless `batchInvariant`
   */
  readonly packedWeights?: boolean | undefined;
  /**
   * Gives a sequence the same bits whatever runs beside it, alone included, and its log-probabilities those that a trainer
   * with the same option computes; needs `threads: 1`. Attention reads the whole capacity of the cache, and logits are
   * computed twice. @default false
   */
  readonly batchInvariant?: boolean;
  /**
   * Memory for keys and values, at most: of running sequences, of prompts that are being computed, and of prefixes that
   * are kept. When it runs out, prefixes are forgotten first, then sequences wait and are computed again.
   * @default 4 GiB
   */
  readonly kvCacheBytes?: number;
  /** Keeps keys and values of prompts and completions for sequences that begin alike, until the weights change. @default true */
  readonly prefixCaching?: boolean;
}

/** Options of a runner with every default filled in, beside those of its session. */
export interface ResolvedRunnerOptions {
  readonly batchInvariant: boolean;
  readonly kvCacheBytes: number;
  readonly prefixCaching: boolean;
  readonly packedWeights: boolean;
  readonly quantization: Quantization | undefined;
  readonly session: SessionOptions;
}

/** Weights of fewer bytes are read from the processor's caches, where their order hardly matters. */
const PACKED_FROM_BYTES = 2 ** 25;

/**
 * Splits options into those of the runner, with defaults, and those of its session.
 *
 * @throws {RangeError} when `batchInvariant` is wanted with other than one thread – several cut a product by its size,
 * and the order of its sums with it – or with quantised weights, whose products depend on the batch, or with packed ones,
 * which the trainer does not have; when `int8-blocks` or `int4` weights shall not be packed; when `kvCacheBytes` is no whole number above 0.
 */
export function resolveRunnerOptions(config: ModelConfig, options: RunnerOptions): ResolvedRunnerOptions {
  const {
    batchInvariant = false,
    kvCacheBytes = DEFAULT_KV_CACHE_BYTES,
    prefixCaching = true,
    quantization,
    packedWeights = !batchInvariant && (needsConstants(quantization) || numWeightBytes(config) >= PACKED_FROM_BYTES),
    ...session
  } = options;
  if (quantization !== undefined && !QUANTIZATIONS.includes(quantization)) {
    throw new RangeError(`quantization is ${String(quantization)}. It must be one of ${QUANTIZATIONS.join(', ')}.`);
  }
  if (batchInvariant && session.threads !== 1) {
    throw new RangeError(`batchInvariant needs threads: 1, got ${session.threads ?? 'the default'}.`);
  }
  if (batchInvariant && quantization !== undefined) {
    throw new RangeError(`batchInvariant needs float32 weights: ${quantization} products depend on the whole batch.`);
  }
  if (batchInvariant && packedWeights) {
    throw new RangeError('batchInvariant needs packedWeights: false, as the trainer has its weights.');
  }
  if (needsConstants(quantization) && !packedWeights) {
    throw new RangeError(`${quantization} needs packedWeights: true. As inputs, its weights are slower than float32.`);
  }
  if (!Number.isSafeInteger(kvCacheBytes) || kvCacheBytes < 1) {
    throw new RangeError(`kvCacheBytes is ${kvCacheBytes}. It must be a whole number of at least 1.`);
  }
  return { batchInvariant, kvCacheBytes, prefixCaching, quantization, packedWeights, session };
}

function numWeightBytes(config: ModelConfig): number {
  return parameters(config).reduce((sum, { shape }) => sum + elementCount(shape), 0) * Float32Array.BYTES_PER_ELEMENT;
}
