import { type LoraAdapters, loadWeights, loraOf, type ModelConfig } from '@forge/models';
import {
  type LoadedStateDict,
  newestPolicyVersion,
  policyVersionPrefix,
  releaseViews,
  type Store,
} from '@forge/torchstore';
import { WeightsMismatchError } from './errors.ts';
import { type LentVersion, lendOwnWeights, lendWeights } from './runner/lent-weights.ts';
import { weightsOf } from './weights.ts';

/**
 * The weights of a model in a folder, version by version: a store holds them whole, as `policy_ver_<version>`, or as
 * adapters of those in the folder.
 */
export class WeightSource {
  readonly #store: Store;
  readonly #folder: string;
  readonly #config: ModelConfig;

  constructor(store: Store, folder: string, config: ModelConfig) {
    this.#store = store;
    this.#folder = folder;
    this.#config = config;
  }

  /** The newest version there is. */
  async newest(): Promise<number | undefined> {
    return newestPolicyVersion(await this.#store.keys());
  }

  /**
   * Weights of a version: whole ones are the pages of the store on its own host, which all generators there share, and
   * elsewhere a copy. When they are given back, the store may write their memory again.
   *
   * @throws {KeyNotFoundError} when the store does not have them; {@link WeightsMismatchError} when they are not exactly
   * the float32 parameters of the model, or of adapters of it.
   */
  async fetch(version: number): Promise<LentVersion> {
    const stateDict = await this.#store.getStateDict(policyVersionPrefix(version), { mapped: true });
    try {
      const adapters = this.#adaptersOf(stateDict, version);
      if (!adapters) return lendWeights(weightsOf(stateDict, version, this.#config), releaseViews);
      const base = async () => lendOwnWeights(await loadWeights(this.#folder, this.#config));
      return { adapters, baseName: this.#folder, base, [Symbol.dispose]: () => releaseViews(stateDict) };
    } catch (error) {
      releaseViews(stateDict);
      throw error;
    }
  }

  #adaptersOf(stateDict: LoadedStateDict, version: number): LoraAdapters | undefined {
    try {
      return loraOf(this.#config, stateDict);
    } catch (cause) {
      throw new WeightsMismatchError(version, cause instanceof Error ? cause.message : String(cause), cause);
    }
  }
}
