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

/** Weights on their way to the generators. */
export interface PushedWeights {
  readonly version: number;
  /** Settles when every generator uses them, and those before are gone; rejects when one cannot. */
  readonly inUse: Promise<void>;
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

  /** The version that was sent last. */
  get version(): number {
    return this.#version;
  }

  /** Publishes the trainer's weights and returns when every generator uses them; their version. */
  async publish(): Promise<number> {
    const { version, inUse } = await this.push();
    await inUse;
    return version;
  }

  /** Sends the trainer's weights, which may change again once this returns; every generator uses them when `inUse` settles. */
  async push(): Promise<PushedWeights> {
    return await this.#pushAs(this.#version + 1);
  }

  /** Publishes the weights of a checkpoint as the version that they had. */
  async resume(version: number): Promise<void> {
    if (version > 0) await (await this.#pushAs(version)).inUse;
  }

  async #pushAs(version: number): Promise<PushedWeights> {
    const previous = this.#version;
    const { adaptersAlone } = this.#options;
    await (adaptersAlone ? this.#trainer.pushAdapters : this.#trainer.pushWeights).callOne(version);
    this.#version = version;
    const inUse = this.#use(version, previous);
    inUse.catch(() => undefined); // whoever pushed may look at it later
    return { version, inUse };
  }

  async #use(version: number, previous: number): Promise<void> {
    const { mode } = this.#options;
    for (const outcome of await this.#generator.updateWeights.fanoutSettled(version, { mode })) {
      if (!outcome.ok && !isReplicaLost(outcome.error)) throw outcome.error;
    }
    if (previous > 0) await this.#store.deletePrefix(policyVersionPrefix(previous));
  }
}

/** A replica that was lost is started again, and catches up with the store before it answers. */
function isReplicaLost(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SERVICE_REPLICA_FAILED';
}
