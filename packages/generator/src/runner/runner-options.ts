import type { Quantization } from '@forge/models';
import type { SessionOptions } from '@forge/onnx';

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
   * Gives a sequence the same bits whatever runs beside it, alone included; needs `threads: 1`. Costs what computing
   * two rows costs more than one, where a run has only one. @default false
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
export type ResolvedRunnerOptions = Required<Pick<RunnerOptions, 'batchInvariant' | 'kvCacheBytes' | 'prefixCaching'>> &
  Pick<RunnerOptions, 'quantization'>;

/**
 * Splits options into those of the runner, with defaults, and those of its session.
 *
 * @throws {RangeError} when `batchInvariant` is wanted with other than one thread – several cut a product by its size,
 * and the order of its sums with it – or with quantised weights, whose products depend on the batch; when `kvCacheBytes` is no whole number above 0.
 */
export function resolveRunnerOptions({
  batchInvariant = false,
  kvCacheBytes = DEFAULT_KV_CACHE_BYTES,
  prefixCaching = true,
  quantization,
  ...session
}: RunnerOptions): ResolvedRunnerOptions & { readonly session: SessionOptions } {
  if (batchInvariant && session.threads !== 1) {
    throw new RangeError(`batchInvariant needs threads: 1, got ${session.threads ?? 'the default'}.`);
  }
  if (batchInvariant && quantization !== undefined) {
    throw new RangeError(`batchInvariant needs float32 weights: ${quantization} products depend on the whole batch.`);
  }
  if (quantization !== undefined && quantization !== 'int8') {
    throw new RangeError(`quantization is ${String(quantization)}. It must be int8.`);
  }
  if (!Number.isSafeInteger(kvCacheBytes) || kvCacheBytes < 1) {
    throw new RangeError(`kvCacheBytes is ${kvCacheBytes}. It must be a whole number of at least 1.`);
  }
  return { batchInvariant, kvCacheBytes, prefixCaching, quantization, session };
}
