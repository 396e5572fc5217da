import { KeyNotFoundError } from '@forge/torchstore';
import type { Engine } from './engine/engine.ts';
import type { UpdateMode } from './engine/update-queue.ts';
import { recordUpdate } from './metrics.ts';
import type { WeightSource } from './weight-source.ts';

/** Brings an engine from version to version of its weights. */
export class WeightUpdates {
  readonly #engine: Engine;
  readonly #source: WeightSource;

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
    let fetchMs: number | undefined;
    const fetch = async () => {
      const fetchedFromMs = performance.now();
      const lent = await this.#source.fetch(version);
      fetchMs = performance.now() - fetchedFromMs;
      return lent;
    };
    const mismatch = await this.#engine.update(fetch, version, mode);
    if (fetchMs !== undefined) {
      recordUpdate({ fetchMs, applyMs: performance.now() - startedAtMs - fetchMs, mismatch });
    }
  }
}

const isMissing = (error: unknown): boolean => error instanceof KeyNotFoundError;
