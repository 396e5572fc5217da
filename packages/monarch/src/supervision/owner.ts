import type { MeshFailure } from '../errors.ts';

/** Something started, which its owner stops. */
export interface Owned {
  stop(reason: string): Promise<void>;
}

/** Who started things: the program itself, or an actor. What it started never outlives it. */
export interface Owner {
  readonly name: string;
  /** In order of start. */
  readonly owned: Set<Owned>;
  /** Why it starts nothing any more. */
  readonly ended: string | undefined;
  /** Something it owns has failed. Never rejects. */
  supervise(failure: MeshFailure): Promise<void>;
}

/** Stops what an owner started, last started first. Never rejects. */
export async function stopOwned(owner: Owner, reason: string): Promise<void> {
  for (const owned of [...owner.owned].reverse()) {
    await owned.stop(reason);
    owner.owned.delete(owned);
  }
}
