import type { MeshFailure } from '../errors.ts';
import type { Loss, Peer } from './peer.ts';

/**
 * One actor's address, as seen from this process. One object an address while anybody uses it, so that its state is
 * seen by all who call it.
 */
export class Target {
  readonly peer: Peer;
  readonly actor: number;
  /** Calls sent from here and not settled. */
  pending = 0;
  /** Why calls to it reject. */
  failure: MeshFailure | undefined;
  /** That broadcasts to it are dropped was said. */
  isSilent = false;

  constructor(peer: Peer, actor: number) {
    this.peer = peer;
    this.actor = actor;
  }

  /** Where what is sent to it goes now: it may live on in a process that took the place of its own. */
  get current(): Target {
    let { peer } = this;
    while (peer.successor !== undefined) peer = peer.successor;
    return peer === this.peer ? this : peer.target(this.actor);
  }

  /** Why nothing reaches it now. */
  get loss(): Loss | undefined {
    return this.failure ?? this.peer.loss;
  }
}
