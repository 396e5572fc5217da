import type { UpdateMode } from '@forge/generator';
import { policyVersionPrefix, type Store } from '@forge/torchstore';

/** Who trains: an actor such as `Trainer`. */
export interface WeightSender {
  readonly pushWeights: { callOne(version: number): Promise<void> };
  readonly pushAdapters: { callOne(version: number): Promise<void> };
}

export interface WeightSyncOptions {
  /** Sends the adapters alone, which generators merge. @default false */
  readonly adaptersAlone?: boolean;
  /** What new weights do to running completions; see `UpdateMode` of `@forge/generator`. @default 'inFlight' */
  readonly mode?: UpdateMode;
}

/** Who samples: a service of generators. */
export interface WeightReceivers {
  readonly updateWeights: {
    fanoutSettled(
      version: number,
      options: { readonly mode: UpdateMode },
    ): Promise<readonly ({ readonly ok: true } | { readonly ok: false; error: unknown })[]>;
  };
}

/** Brings the trainer's weights to every generator, under the next version number. */
export class WeightSync {
  readonly #trainer: WeightSender;
  readonly #generator: WeightReceivers;
  readonly #store: Store;
  readonly #options: Required<WeightSyncOptions>;
  #version = 0;

  constructor(
    { trainer, generator }: { readonly trainer: WeightSender; readonly generator: WeightReceivers },
    store: Store,
    { adaptersAlone = false, mode = 'inFlight' }: WeightSyncOptions = {},
  ) {
    this.#trainer = trainer;
    this.#generator = generator;
    this.#store = store;
    this.#options = { adaptersAlone, mode };
  }

  /** The version that the generators use. */
  get version(): number {
    return this.#version;
  }

  /** Publishes the trainer's weights and returns when every generator uses them; their version. */
  async publish(): Promise<number> {
    return await this.#publishAs(this.#version + 1);
  }

  /** Publishes the weights of a checkpoint as the version that they had. */
  async resume(version: number): Promise<void> {
    if (version > 0) await this.#publishAs(version);
  }

  async #publishAs(version: number): Promise<number> {
    const previous = this.#version;
    const { adaptersAlone, mode } = this.#options;
    await (adaptersAlone ? this.#trainer.pushAdapters : this.#trainer.pushWeights).callOne(version);
    this.#version = version;
    for (const outcome of await this.#generator.updateWeights.fanoutSettled(version, { mode })) {
      if (!outcome.ok && !isReplicaLost(outcome.error)) throw outcome.error;
    }
    if (previous > 0) await this.#store.deletePrefix(policyVersionPrefix(previous));
    return version;
  }
}

/** A replica that was lost is started again, and catches up with the store before it answers. */
function isReplicaLost(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SERVICE_REPLICA_FAILED';
}
