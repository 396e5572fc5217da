import type { Weights } from '@forge/models';
import { KeyNotFoundError, releaseViews } from '@forge/torchstore';
import type { Engine, UpdateMode } from './engine/engine.ts';
import { recordUpdate } from './metrics.ts';
import type { WeightSource } from './weight-source.ts';

/** Brings an engine from version to version of its weights. Asked for one at a time. */
export class WeightUpdates {
  readonly #engine: Engine;
  readonly #source: WeightSource;
  /** The weights in use, if they are the store's. */
  #fetched: Weights | undefined;

  constructor(engine: Engine, source: WeightSource) {
    this.#engine = engine;
    this.#source = source;
  }

  /**
   * Takes a version. One that the store has dropped for a newer one gives way to the newest: the news of it came late.
   *
   * @throws {WeightsMismatchError} and the store's errors; the weights stay as they are then.
   */
  async take(version: number, mode: UpdateMode): Promise<void> {
    try {
      await this.#update(version, mode);
    } catch (error) {
      if (!isMissing(error)) throw error;
      const newest = Math.max(this.#engine.version, (await this.#source.newest()) ?? 0);
      if (newest <= version) throw error;
      await this.catchUp(mode);
    }
  }

  /** Takes the newest version there is, unless the engine has it. One that is removed meanwhile has a newer one. */
  async catchUp(mode: UpdateMode): Promise<void> {
    let missing: number | undefined;
    for (;;) {
      const newest = (await this.#source.newest()) ?? 0;
      if (newest <= this.#engine.version) return;
      try {
        return await this.#update(newest, mode);
      } catch (error) {
        if (!isMissing(error) || newest === missing) throw error;
        missing = newest;
      }
    }
  }

  async #update(version: number, mode: UpdateMode): Promise<void> {
    const startedAtMs = performance.now();
    const weights = await this.#source.fetch(version);
    const fetchedAtMs = performance.now();
    await this.#engine.update(weights, version, mode).catch((error: unknown) => {
      releaseViews(weights);
      throw error;
    });
    releaseViews(this.#fetched); // no run uses them any more, and the store may write their memory again
    this.#fetched = weights;
    recordUpdate(fetchedAtMs - startedAtMs, performance.now() - fetchedAtMs);
  }
}

const isMissing = (error: unknown): boolean => error instanceof KeyNotFoundError;
