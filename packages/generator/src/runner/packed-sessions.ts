import {
  generationGraph,
  joinAdapters,
  LORA_TARGETS,
  type LoraAdapters,
  type ModelConfig,
  quantizeWeights,
} from '@forge/models';
import { openSession, type Session } from '@forge/onnx';
import type { Tensor } from '@forge/tensor';
import { endMemory, isAdapters, type LentAdapters, type LentVersion, type LentWeights } from './lent-weights.ts';
import { measureMismatch, type QuantizationMismatch } from './quantization-mismatch.ts';
import type { PreparedWeights, PrepareOptions, WeightSessions, WeightSessionsOptions } from './weight-sessions.ts';

/**
 * A session for each set of weights, which are its constants. Adapters are fed beside them: the next version of adapters
 * of the same kind takes the same session.
 */
export class PackedSessions implements WeightSessions {
  readonly #config: ModelConfig;
  readonly #options: WeightSessionsOptions;
  /** The newest session that takes adapters. */
  #adaptable: { readonly key: string; readonly shared: SharedSession } | undefined;

  constructor(config: ModelConfig, options: WeightSessionsOptions) {
    this.#config = config;
    this.#options = options;
  }

  async prepare(lent: LentVersion, options: PrepareOptions = {}): Promise<PreparedWeights> {
    if (isAdapters(lent)) return this.#adapt(lent, options);
    const { shared, mismatch } = await this.#build(lent, undefined, options);
    return preparedWeights(shared, {}, mismatch);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #adapt(given: LentAdapters, options: PrepareOptions): Promise<PreparedWeights> {
    using lent = given; // until they are joined and the mismatch is measured
    const { adapters } = lent;
    const key = keyOf(lent);
    const feeds = await joinAdapters(this.#config, adapters, options);
    const known = this.#adaptable?.key === key ? this.#adaptable.shared.join() : undefined;
    if (known) return preparedWeights(known, feeds, undefined);
    const { shared, mismatch } = await this.#build(await lent.base(), { adapters, feeds }, options);
    this.#adaptable = { key, shared };
    return preparedWeights(shared, feeds, mismatch);
  }

  async #build(lent: LentWeights, adapted: Adapted | undefined, { signal, drawn }: PrepareOptions): Promise<Built> {
    const [config, { quantization, session: sessionOptions }] = [this.#config, this.#options];
    try {
      const { weights } = lent;
      const constants = quantization ? await quantizeWeights(config, weights, quantization, { signal }) : weights;
      const initializers: Record<string, Tensor> = { ...constants };
      const session = await openSession(generationGraph(config, { quantization, lora: adapted?.adapters.lora }), {
        ...sessionOptions,
        initializers,
        onInitializerReturned: dropping(initializers, new Set(Object.keys(weights))),
      });
      try {
        signal?.throwIfAborted();
        const exact = { weights, adapters: adapted?.adapters };
        const quantized = { session, feeds: adapted?.feeds ?? {} };
        const mismatch = quantization
          ? await measureMismatch({ config, exact, quantized, options: sessionOptions }, drawn)
          : undefined;
        const kept = lent.keep?.(new Set(Object.keys(initializers))) ?? lent;
        return { shared: new SharedSession(session, kept), mismatch };
      } catch (error) {
        await session[Symbol.asyncDispose]();
        throw error;
      }
    } catch (error) {
      lent[Symbol.dispose]();
      throw error;
    }
  }
}

/** Adapters, and what the graph is fed of them. */
interface Adapted {
  readonly adapters: LoraAdapters;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

interface Built {
  readonly shared: SharedSession;
  readonly mismatch: QuantizationMismatch | undefined;
}

/** A session that closes when the last one who uses it has left. */
class SharedSession {
  readonly session: Session;
  readonly #kept: Disposable;
  #numUsers = 1;

  /** @param kept - what the session reads where it is. */
  constructor(session: Session, kept: Disposable) {
    this.session = session;
    this.#kept = kept;
  }

  /** One more who uses it; `undefined` when it is closed. */
  join(): SharedSession | undefined {
    if (this.#numUsers === 0) return undefined;
    this.#numUsers++;
    return this;
  }

  async leave(): Promise<void> {
    if (--this.#numUsers > 0) return;
    await this.session[Symbol.asyncDispose]();
    this.#kept[Symbol.dispose]();
  }
}

function preparedWeights(
  shared: SharedSession,
  feeds: Readonly<Record<string, Tensor>>,
  mismatch: QuantizationMismatch | undefined,
): PreparedWeights {
  return { session: shared.session, feeds, mismatch, [Symbol.asyncDispose]: () => shared.leave() };
}

/** Drops tensors that onnxruntime has packed, and ends the memory of those that nobody has lent. */
function dropping(tensors: Record<string, Tensor>, lent: ReadonlySet<string>): (name: string) => void {
  return (name) => {
    const dropped = tensors[name]!; // an initializer, which comes back once
    delete tensors[name];
    if (!lent.has(name)) endMemory(dropped);
  };
}

/** Equal for adapters that one session takes. */
function keyOf({ baseName, adapters }: LentAdapters): string {
  const { rank, alpha = 2 * rank, targetModules = LORA_TARGETS } = adapters.lora;
  return JSON.stringify([baseName, rank, alpha, targetModules.toSorted()]);
}
