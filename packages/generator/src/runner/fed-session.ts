import {
  checkWeights,
  generationGraph,
  type ModelConfig,
  mergeLoraInBackground,
  quantizeWeights,
  type Weights,
} from '@forge/models';
import { openSession } from '@forge/onnx';
import { isAdapters, type LentAdapters, type LentVersion, type LentWeights, lendWeights } from './lent-weights.ts';
import { measureMismatch } from './quantization-mismatch.ts';
import type { WeightSessions, WeightSessionsOptions } from './weight-sessions.ts';

/** One session, fed with the weights of the moment: they are used where they lie. */
export async function openFedSession(config: ModelConfig, options: WeightSessionsOptions): Promise<WeightSessions> {
  const { quantization } = options;
  const session = await openSession(generationGraph(config, options), options.session);
  const bases = new KeptBase();
  return {
    async prepare(given, { signal, drawn } = {}) {
      const lent = await whole(config, given, bases);
      try {
        const { weights } = lent;
        checkWeights(config, new Map(Object.entries(weights)));
        const feeds = quantization ? await quantizeWeights(config, weights, quantization, { signal }) : weights;
        const mismatch = quantization
          ? await measureMismatch(
              { config, exact: { weights }, quantized: { session, feeds }, options: options.session },
              drawn,
            )
          : undefined;
        return { session, feeds, mismatch, [Symbol.asyncDispose]: async () => lent[Symbol.dispose]() };
      } catch (error) {
        lent[Symbol.dispose]();
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      bases[Symbol.dispose]();
      await session[Symbol.asyncDispose]();
    },
  };
}

/** The weights that adapters are merged into, from the first time on. */
class KeptBase implements Disposable {
  #kept: { readonly name: string; readonly lent: LentWeights } | undefined;

  async of({ baseName, base }: LentAdapters): Promise<Weights> {
    if (this.#kept?.name !== baseName) {
      this[Symbol.dispose]();
      this.#kept = { name: baseName, lent: await base() };
    }
    return this.#kept.lent.weights;
  }

  [Symbol.dispose](): void {
    this.#kept?.lent[Symbol.dispose]();
    this.#kept = undefined;
  }
}

/** The weights of a version, with adapters merged into those that they adapt. */
async function whole(config: ModelConfig, given: LentVersion, bases: KeptBase): Promise<LentWeights> {
  if (!isAdapters(given)) return given;
  using lent = given; // until they are merged
  const { lora, weights } = lent.adapters;
  const base = await bases.of(lent);
  return lendWeights(await mergeLoraInBackground(config, { ...base, ...weights }, lora));
}
