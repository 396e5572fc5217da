import { generationGraph, type ModelConfig, type Quantization, quantizeWeights, type Weights } from '@forge/models';
import { openSession, type Session, type SessionOptions } from '@forge/onnx';
import type { Tensor } from '@forge/tensor';
import type { LentWeights } from './lent-weights.ts';
import { type DrawnTokens, measureMismatch, type QuantizationMismatch } from './quantization-mismatch.ts';

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
  readonly signal?: AbortSignal;
  /** Tokens to measure the mismatch of quantised weights on. @default it is not measured */
  readonly drawn?: DrawnTokens | undefined;
}

/** Brings weights, one set after the other, into a form that runs take. */
export interface WeightSessions extends AsyncDisposable {
  /**
   * Takes weights, which must fit the config, whatever comes of it; runs go on meanwhile.
   *
   * @throws the reason of `signal` when that aborts first.
   */
  prepare(lent: LentWeights, options?: PrepareOptions): Promise<PreparedWeights>;
}

/**
 * Packed: each set becomes the constants of a session of its own, in the order in which products read them. Otherwise
 * one session is fed with the set of the moment.
 */
export async function openWeightSessions(config: ModelConfig, options: WeightSessionsOptions): Promise<WeightSessions> {
  return options.packedWeights ? packedSessions(config, options) : await fedSession(config, options);
}

async function fedSession(config: ModelConfig, options: WeightSessionsOptions): Promise<WeightSessions> {
  const session = await openSession(generationGraph(config, options), options.session);
  return {
    async prepare(lent, { signal, drawn } = {}) {
      try {
        const feeds = await quantized(config, lent.weights, { ...options, signal });
        const mismatch = await mismatchWith(config, lent, { session, feeds, options, drawn });
        return { session, feeds, mismatch, [Symbol.asyncDispose]: async () => lent[Symbol.dispose]() };
      } catch (error) {
        lent[Symbol.dispose]();
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

function packedSessions(config: ModelConfig, options: WeightSessionsOptions): WeightSessions {
  const graph = generationGraph(config, options);
  return {
    async prepare(lent, { signal, drawn } = {}) {
      try {
        const initializers = { ...(await quantized(config, lent.weights, { ...options, signal })) };
        const session = await openSession(graph, {
          ...options.session,
          initializers,
          onInitializerReturned: dropping(initializers, new Set(Object.keys(lent.weights))),
        });
        try {
          signal?.throwIfAborted();
          const mismatch = await mismatchWith(config, lent, { session, feeds: {}, options, drawn });
          return packedWeights(session, mismatch, lent.keep?.(new Set(Object.keys(initializers))) ?? lent);
        } catch (error) {
          await session[Symbol.asyncDispose]();
          throw error;
        }
      } catch (error) {
        lent[Symbol.dispose]();
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** Drops tensors that onnxruntime has packed, and ends the memory of those that nobody has lent. */
function dropping(tensors: Record<string, Tensor>, lent: ReadonlySet<string>): (name: string) => void {
  return (name) => {
    const dropped = tensors[name]!; // an initializer, which comes back once
    delete tensors[name];
    const { buffer } = dropped.data;
    // Ends now, not when it is collected: that may be minutes later.
    if (!lent.has(name) && buffer instanceof ArrayBuffer) buffer.transfer(0);
  };
}

/** @param kept - what the session reads where it is. */
function packedWeights(
  session: Session,
  mismatch: QuantizationMismatch | undefined,
  kept: Disposable,
): PreparedWeights {
  return {
    session,
    feeds: {},
    mismatch,
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      kept[Symbol.dispose]();
    },
  };
}

async function quantized(
  config: ModelConfig,
  weights: Weights,
  { quantization, signal }: Pick<WeightSessionsOptions, 'quantization'> & { readonly signal: AbortSignal | undefined },
): Promise<Readonly<Record<string, Tensor>>> {
  return quantization === undefined ? weights : quantizeWeights(config, weights, quantization, { signal });
}

/** Of quantised weights, where there are tokens to measure it on. */
async function mismatchWith(
  config: ModelConfig,
  { weights }: LentWeights,
  { session, feeds, options, drawn }: WeightsInUse & { readonly options: WeightSessionsOptions } & PrepareOptions,
): Promise<QuantizationMismatch | undefined> {
  if (options.quantization === undefined || drawn === undefined) return undefined;
  return measureMismatch({ config, weights, quantized: { session, feeds }, options: options.session }, drawn);
}
