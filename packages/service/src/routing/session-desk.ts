import type { Clock } from '@forge/monarch';
import type { ServiceEvent } from '../events.ts';
import type { Replica } from '../replicas/replica.ts';
import { fewestSessions } from './router.ts';
import { checkSession, type SessionOptions, StickySession } from './session.ts';

/** What a session desk needs of its service. */
export interface SessionDeskOptions {
  readonly clock: Clock;
  /** That take requests now, in order of index. */
  readonly serving: () => readonly Replica[];
  readonly emit: (event: ServiceEvent) => void;
}

/** The open sessions of a service and the replicas they stick to. */
export class SessionDesk {
  readonly #options: SessionDeskOptions;
  readonly #open = new Set<StickySession>();
  #lastIndex = -1;

  constructor(options: SessionDeskOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /** @throws {ServiceOptionsError} */
  open(options: SessionOptions = {}): StickySession {
    checkSession(options);
    const { clock } = this.#options;
    const session = new StickySession(options, clock.now());
    this.#open.add(session);
    this.#watch(session, session.idleMs);
    return session;
  }

  /** Calls of it that are under way go on. */
  close(session: StickySession): void {
    session.end({ kind: 'closed' });
    this.#open.delete(session);
  }

  /** Ends all of them. */
  closeAll(): void {
    for (const session of this.#open) this.close(session);
  }

  /** A call of it has come. */
  begin(session: StickySession): void {
    session.inFlight++;
  }

  /** A call of it has its answer. */
  finish(session: StickySession): void {
    session.inFlight--;
    session.lastUsedAtMs = this.#options.clock.now();
  }

  /** The replica of a session that takes calls: chosen now if it has none; `undefined` while none serves. */
  homeOf(session: StickySession): Replica | undefined {
    if (session.replica) return session.replica;
    const { serving, emit } = this.#options;
    const replica = fewestSessions(serving(), this.#lastIndex);
    if (replica === undefined) return undefined;
    this.#lastIndex = replica.index;
    const from = session.bind(replica);
    if (from !== undefined) emit({ type: 'sessionMoved', session: session.id, from, to: replica.index });
    return replica;
  }

  /** The actors of a replica are gone, and with them what they knew of its sessions. */
  leave(replica: Replica): void {
    const { emit } = this.#options;
    for (const session of this.#open) {
      if (session.replica !== replica) continue;
      if (session.whenLost === 'move') session.release();
      else {
        session.end({ kind: 'lost', replica: replica.index, cause: replica.cause });
        this.#open.delete(session);
        emit({ type: 'sessionLost', session: session.id, replica: replica.index, cause: replica.cause });
      }
    }
  }

  /** Looks after `waitMs` whether it was idle for too long. */
  #watch(session: StickySession, waitMs: number): void {
    const { clock, emit } = this.#options;
    session.cancelTimer = clock.after(waitMs, () => {
      const idleMs = session.inFlight > 0 ? 0 : clock.now() - session.lastUsedAtMs;
      if (idleMs < session.idleMs) return this.#watch(session, session.idleMs - idleMs);
      session.end({ kind: 'expired' });
      this.#open.delete(session);
      emit({ type: 'sessionExpired', session: session.id });
    });
  }
}
