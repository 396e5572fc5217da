import { generationGraph, type ModelConfig, type Quantization, quantizeWeights, type Weights } from '@forge/models';
import { openSession, type Session, type SessionOptions } from '@forge/onnx';
import type { Tensor } from '@forge/tensor';
import type { QuantizationMismatch } from './quantization-mismatch.ts';

/** Weights that somebody lent, and may have back. */
export interface LentWeights extends Disposable {
  readonly weights: Weights;
}

/** Weights in the form that runs take. Disposing of them, when no run uses them, gives back what they hold. */
export interface PreparedWeights extends AsyncDisposable {
  readonly session: Session;
  /** What a run is fed beside its tokens and caches. */
  readonly feeds: Readonly<Record<string, Tensor>>;
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

/** Brings weights, one set after the other, into a form that runs take. */
export interface WeightSessions extends AsyncDisposable {
  /**
   * Takes weights, which must fit the config, whatever comes of it; runs go on meanwhile.
   *
   * @throws the reason of `signal` when that aborts first.
   */
  prepare(lent: LentWeights, signal?: AbortSignal): Promise<PreparedWeights>;
}

/**
 * Packed: each set becomes the constants of a session of its own, in the order in which products read them. Otherwise
 * one session is fed with the set of the moment.
 */
export async function openWeightSessions(config: ModelConfig, options: WeightSessionsOptions): Promise<WeightSessions> {
  return options.packedWeights ? packedSessions(config, options) : await fedSession(config, options);
}

async function fedSession(
  config: ModelConfig,
  { quantization, batchInvariant, session: options }: WeightSessionsOptions,
): Promise<WeightSessions> {
  const session = await openSession(generationGraph(config, { quantization, batchInvariant }), options);
  return {
    async prepare(lent, signal) {
      const feeds = await disposedOnFailure(lent, quantized(config, lent.weights, { quantization, signal }));
      return { session, feeds, [Symbol.asyncDispose]: async () => lent[Symbol.dispose]() };
    },
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

function packedSessions(
  config: ModelConfig,
  { quantization, session: options }: WeightSessionsOptions,
): WeightSessions {
  const graph = generationGraph(config, { quantization });
  return {
    async prepare(lent, signal) {
      const open = async (): Promise<Session> => {
        const initializers = await quantized(config, lent.weights, { quantization, signal });
        const session = await openSession(graph, { ...options, initializers });
        if (!signal?.aborted) return session;
        await session[Symbol.asyncDispose]();
        throw signal.reason;
      };
      const session = await disposedOnFailure(lent, open());
      const dispose = async () => {
        await session[Symbol.asyncDispose]();
        lent[Symbol.dispose](); // the session looked tokens up in the embedding that was lent
      };
      return { session, feeds: {}, [Symbol.asyncDispose]: dispose };
    },
    async [Symbol.asyncDispose]() {},
  };
}

async function disposedOnFailure<Result>(lent: Disposable, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    lent[Symbol.dispose]();
    throw error;
  }
}

async function quantized(
  config: ModelConfig,
  weights: Weights,
  {
    quantization,
    signal,
  }: { readonly quantization: Quantization | undefined; readonly signal: AbortSignal | undefined },
): Promise<Readonly<Record<string, Tensor>>> {
  return quantization === undefined ? weights : quantizeWeights(config, weights, quantization, { signal });
}
