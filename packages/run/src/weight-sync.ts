import { policyVersionPrefix, type Store } from '@forge/torchstore';

/** Who trains: an actor such as `Trainer`. */
export interface WeightSender {
  readonly pushWeights: { callOne(version: number): Promise<void> };
}

/** Who samples: a service of generators. */
export interface WeightReceivers {
  readonly updateWeights: {
    fanoutSettled(
      version: number,
    ): Promise<readonly ({ readonly ok: true } | { readonly ok: false; error: unknown })[]>;
  };
}

/** Brings the trainer's weights to every generator, under the next version number. */
export class WeightSync {
  readonly #trainer: WeightSender;
  readonly #generator: WeightReceivers;
  readonly #store: Store;
  #version = 0;

  constructor(
    { trainer, generator }: { readonly trainer: WeightSender; readonly generator: WeightReceivers },
    store: Store,
  ) {
    this.#trainer = trainer;
    this.#generator = generator;
    this.#store = store;
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
    await this.#trainer.pushWeights.callOne(version);
    this.#version = version;
    for (const outcome of await this.#generator.updateWeights.fanoutSettled(version)) {
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
