import { policyVersionPrefix, type Store } from '@forge/torchstore';
import type { CurrentVersion, Parts } from './parts.ts';

/** Brings the trainer's weights to every generator, under the next version number. */
export class WeightSync {
  readonly #parts: Parts;
  readonly #store: Store;
  readonly #version: CurrentVersion;

  constructor(parts: Parts, store: Store, version: CurrentVersion) {
    this.#parts = parts;
    this.#store = store;
    this.#version = version;
  }

  /** The version that the generators use. */
  get version(): number {
    return this.#version.value;
  }

  /** Publishes the trainer's weights and returns when every generator uses them; their version. */
  async publish(): Promise<number> {
    const previous = this.#version.value;
    const version = previous + 1;
    await this.#parts.trainer.pushWeights.callOne(version);
    // Before the fan-out: a replica that starts in the middle of it must not catch up to the previous version.
    this.#version.value = version;
    for (const outcome of await this.#parts.generator.updateWeights.fanoutSettled(version)) {
      if (!outcome.ok && !isReplicaLost(outcome.error)) throw outcome.error;
    }
    if (previous > 0) await this.#store.deletePrefix(policyVersionPrefix(previous));
    return version;
  }
}

/** A replica that was lost is started again, and catches up before it answers. */
function isReplicaLost(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SERVICE_REPLICA_FAILED';
}
