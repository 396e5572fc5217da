import { randomUUID } from 'node:crypto';
import type { Replica } from '../replicas/replica.ts';

/** Requests of one session go to one replica, from the first of them on. */
export class StickySession {
  readonly id = randomUUID();
  isClosed = false;
  #replica: Replica | undefined;
  #moves = 0;
  #lastIndex: number | undefined;

  /** The replica it sticks to; `undefined` before its first request and between a loss and the next request. */
  get replica(): Replica | undefined {
    return this.#replica;
  }

  /** Times that it had to begin again on fresh actors: those of another replica, or its own restarted. */
  get moves(): number {
    return this.#moves;
  }

  /** Sticks to `replica`; where it was before, when that is a move. */
  bind(replica: Replica): number | undefined {
    const from = this.#lastIndex;
    if (from !== undefined) this.#moves++;
    this.#replica = replica;
    this.#lastIndex = replica.index;
    replica.assignedSessions++;
    return from;
  }

  /** Lets go of its replica. */
  release(): void {
    if (this.#replica) this.#replica.assignedSessions--;
    this.#replica = undefined;
  }
}
