import { randomUUID } from 'node:crypto';
import { ServiceOptionsError } from '../errors.ts';
import type { Replica } from '../replicas/replica.ts';
import { SessionClosedError, SessionExpiredError, SessionLostError } from './session-errors.ts';

/** How a session is kept. */
export interface SessionOptions {
  /** A session without a call for so long ends; `Infinity` keeps it. @default 1_800_000, 30 minutes */
  readonly idleMs?: number;
  /**
   * What becomes of it when the actors that it talked to are gone, and all they knew of it: its calls reject with
   * SessionLostError (`fail`), or go on with actors that know nothing of it (`move`). @default 'fail'
   */
  readonly whenLost?: 'fail' | 'move';
}

/** The longest time that a timer can wait for. */
const MAX_IDLE_MS = 2 ** 31 - 1;

/** Refuses options that cannot be. @throws {ServiceOptionsError} */
export function checkSession({ idleMs = 1, whenLost = 'fail' }: SessionOptions): void {
  if (!(idleMs > 0 && (idleMs <= MAX_IDLE_MS || idleMs === Number.POSITIVE_INFINITY))) {
    throw new ServiceOptionsError('idleMs', idleMs, `It must be above 0, and at most ${MAX_IDLE_MS} or Infinity.`);
  }
  if (whenLost !== 'fail' && whenLost !== 'move') {
    throw new ServiceOptionsError('whenLost', whenLost, "It must be 'fail' or 'move'.");
  }
}

/** Why a session takes no more calls. */
type SessionEnd =
  | { readonly kind: 'closed' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'lost'; readonly replica: number; readonly cause: unknown };

/** Calls of one session go to one replica, from the first of them on. */
export class StickySession {
  readonly id = randomUUID();
  readonly idleMs: number;
  readonly whenLost: 'fail' | 'move';
  /** Calls of it that are under way. */
  inFlight = 0;
  lastUsedAtMs: number;
  /** Ends the watch on its idle time. */
  cancelTimer = () => {};
  #replica: Replica | undefined;
  #moves = 0;
  #lastIndex: number | undefined;
  #end: SessionEnd | undefined;

  constructor({ idleMs = 1_800_000, whenLost = 'fail' }: SessionOptions, nowMs: number) {
    this.idleMs = idleMs;
    this.whenLost = whenLost;
    this.lastUsedAtMs = nowMs;
  }

  /** The replica it sticks to; `undefined` before its first call, between a loss and the next call, and after its end. */
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

  /** Takes no more calls. The first end counts. */
  end(end: SessionEnd): void {
    this.#end ??= end;
    this.cancelTimer();
    this.release();
  }

  /** What its calls reject with; `undefined` while it takes them. */
  refusal(service: string): Error | undefined {
    if (this.#end?.kind === 'closed') return new SessionClosedError(service, this.id);
    if (this.#end?.kind === 'expired') return new SessionExpiredError(service, this.id, this.idleMs);
    if (this.#end?.kind === 'lost') return new SessionLostError(service, this.id, this.#end.replica, this.#end.cause);
    return undefined;
  }
}
