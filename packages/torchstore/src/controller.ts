import { Actor, type ActorMesh, endpoint } from '@forge/monarch';
import type { Batch } from './batch.ts';
import { Ledger } from './ledger.ts';
import type { Volume } from './volume.ts';

interface Waiter {
  readonly name: string;
  readonly minGeneration: number;
  readonly resolve: (generation: number) => void;
}

/** Calls of waitFor that may be open at the same time. */
const maxWaiters = 100_000;

/** Holds the metadata of a store: it answers from its ledger, and has volumes drop what the ledger dropped. */
export class Controller extends Actor {
  static readonly module: string = import.meta.url;
  readonly #ledger = new Ledger();
  readonly #volumes = new Map<string, ActorMesh<Volume, never>>();
  readonly #waiters = new Set<Waiter>();

  /** Makes a volume known, so that it is told what to drop. */
  readonly addVolume = endpoint((id: string, volume: ActorMesh<Volume, never>): void => {
    this.#volumes.set(id, volume);
  });

  /** Answers while the store is open. */
  readonly isOpen = endpoint(() => true);

  readonly commit = endpoint((batch: Batch) => {
    const outcome = this.#after(this.#ledger.commit(batch));
    if (outcome.status === 'visible') this.#wake();
    return outcome;
  });

  readonly locate = endpoint((session: string, keys: readonly string[]) => this.#ledger.locate(session, keys));

  readonly locatePrefix = endpoint((session: string, prefix: string) => this.#ledger.locatePrefix(session, prefix));

  readonly release = endpoint((pin: number): void => {
    this.#after(this.#ledger.release(pin));
  });

  readonly endSession = endpoint((end: { readonly volume: string; readonly session: string }) =>
    this.#after(this.#ledger.endSession(end)),
  );

  readonly remove = endpoint((key: string) => this.#after(this.#ledger.remove(key)));

  readonly removePrefix = endpoint((prefix: string) => this.#after(this.#ledger.removePrefix(prefix)));

  readonly keys = endpoint((prefix: string | undefined) => this.#ledger.keys(prefix));

  readonly exists = endpoint((key: string) => this.#ledger.exists(key));

  readonly record = endpoint((key: string) => this.#ledger.record(key));

  /** Resolves with a generation when a key, or one below it, is visible and at least that new. */
  readonly waitFor = endpoint(
    (name: string, minGeneration: number): number | Promise<number> => {
      const present = this.#ledger.newestGeneration(name, minGeneration);
      if (present !== undefined) return present;
      const { signal } = this.context;
      return new Promise<number>((resolve, reject) => {
        const waiter: Waiter = { name, minGeneration, resolve };
        this.#waiters.add(waiter);
        signal.addEventListener('abort', () => {
          this.#waiters.delete(waiter);
          reject(signal.reason);
        });
      });
    },
    { concurrency: maxWaiters },
  );

  #wake(): void {
    for (const waiter of this.#waiters) {
      const generation = this.#ledger.newestGeneration(waiter.name, waiter.minGeneration);
      if (generation === undefined) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(generation);
    }
  }

  /** Has the volumes remove what fell out of use in a step of the ledger, and passes its result on. */
  #after<T>(result: T): T {
    const byVolume = Map.groupBy(this.#ledger.takeDropped(), ({ volume }) => volume);
    for (const [volume, names] of byVolume) {
      this.#volumes.get(volume)?.drop.broadcast(names.map(({ segment }) => segment));
    }
    return result;
  }
}
