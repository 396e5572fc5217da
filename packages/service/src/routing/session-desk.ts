import type { ServiceEvent } from '../events.ts';
import type { Replica } from '../replicas/replica.ts';
import { fewestSessions } from './router.ts';
import { StickySession } from './session.ts';

/** The open sessions of a service and the replicas they stick to. */
export class SessionDesk {
  readonly #replicas: readonly Replica[];
  readonly #emit: (event: ServiceEvent) => void;
  readonly #open = new Set<StickySession>();
  readonly #pick = fewestSessions();

  constructor(replicas: readonly Replica[], emit: (event: ServiceEvent) => void) {
    this.#replicas = replicas;
    this.#emit = emit;
  }

  get size(): number {
    return this.#open.size;
  }

  open(): StickySession {
    const session = new StickySession();
    this.#open.add(session);
    return session;
  }

  /** Requests of it that are under way go on. */
  close(session: StickySession): void {
    session.isClosed = true;
    session.release();
    this.#open.delete(session);
  }

  /** The replica of a session: chosen now if it has none; `undefined` while none is healthy. */
  homeOf(session: StickySession): Replica | undefined {
    if (session.replica || session.isClosed) return session.replica;
    const healthy = this.#replicas.filter(({ state }) => state === 'healthy');
    if (healthy.length === 0) return undefined;
    const replica = this.#pick(healthy);
    const from = session.bind(replica);
    if (from !== undefined) this.#emit({ type: 'sessionMoved', session: session.id, from, to: replica.index });
    return replica;
  }

  /** Its actors are lost, and with them what they knew of its sessions. */
  leave(replica: Replica): void {
    for (const session of this.#open) if (session.replica === replica) session.release();
  }
}
