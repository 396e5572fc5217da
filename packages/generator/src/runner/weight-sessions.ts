import type { ModelConfig, Quantization } from '@forge/models';
import type { Session, SessionOptions } from '@forge/onnx';
import type { Tensor } from '@forge/tensor';
import { openFedSession } from './fed-session.ts';
import type { LentVersion } from './lent-weights.ts';
import { PackedSessions } from './packed-sessions.ts';
import type { DrawnTokens, QuantizationMismatch } from './quantization-mismatch.ts';

/** What a run takes its weights from. */
export interface WeightsInUse {
  readonly session: Session;
  /** What a run is fed beside its tokens and caches. */
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/** Weights in the form that runs take. Disposing of them, when no run uses them, gives back what they hold. */
export interface PreparedWeights extends WeightsInUse, AsyncDisposable {
  /** Of quantised weights, where tokens were there to measure it. */
  readonly mismatch?: QuantizationMismatch | undefined;
  [Symbol.asyncDispose](): Promise<void>;
}

/** How weights meet the graph. */
export interface WeightSessionsOptions {
  readonly quantization: Quantization | undefined;
  readonly packedWeights: boolean;
  /** Weights that are not packed only. */
  readonly batchInvariant: boolean;
  readonly session: SessionOptions;
}

/** What preparing depends on. */
export interface PrepareOptions {
  readonly signal?: AbortSignal | undefined;
  /** Tokens to measure the mismatch of quantised weights on. @default it is not measured */
  readonly drawn?: DrawnTokens | undefined;
}

/** Brings weights, one set after the other, into a form that runs take. */
export interface WeightSessions extends AsyncDisposable {
  /**
   * Takes weights, which must fit the config, or adapters of some, whatever comes of it; runs go on meanwhile.
   *
   * @throws the reason of `signal` when that aborts first.
   */
  prepare(lent: LentVersion, options?: PrepareOptions): Promise<PreparedWeights>;
}

/**
 * Packed: each set becomes the constants of a session of its own, in the order in which products read them, and adapters
 * are multiplied beside them. Otherwise one session is fed with the set of the moment, into which adapters are merged.
 */
export async function openWeightSessions(config: ModelConfig, options: WeightSessionsOptions): Promise<WeightSessions> {
  return options.packedWeights ? new PackedSessions(config, options) : await openFedSession(config, options);
}
