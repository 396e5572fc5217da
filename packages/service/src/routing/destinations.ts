import type { Clock } from '@forge/monarch';
import { ServiceOptionsError } from '../errors.ts';
import type { Replica } from '../replicas/replica.ts';
import type { Pace } from './pace.ts';
import type { Call } from './plan.ts';
import { type Candidate, type Router, roundRobin } from './router.ts';
import type { SessionDesk } from './session-desk.ts';

/** What decides where calls go. */
export interface DestinationsOptions {
  readonly service: string;
  readonly clock: Clock;
  /** At least 0 and below 1. */
  readonly random: () => number;
  /** In order of index; the same list all the time. */
  readonly replicas: readonly Replica[];
  readonly sessions: SessionDesk;
  /** Of calls that name none. */
  readonly router: Router;
  readonly pace: Pace;
}

/** Where calls go: by their session, else by their router. */
export class Destinations {
  readonly #options: DestinationsOptions;
  #lastIndex = -1;

  constructor(options: DestinationsOptions) {
    this.#options = options;
  }

  /** Replicas that take calls of anybody, in order of index. */
  get serving(): readonly Replica[] {
    return this.#options.replicas.filter((replica) => replica.state === 'healthy' || replica.hasFreeSlot);
  }

  /**
   * The replica of a call; `undefined` while any will do and none is free. Rejections are what the call rejects with.
   *
   * @throws {SessionClosedError | SessionExpiredError | SessionLostError} when its session takes no more calls.
   * @throws {ServiceOptionsError} when its router makes up a replica; and what a router throws.
   */
  of({ ticket: { plan, session }, args }: Call): Replica | undefined {
    const { service, sessions, clock, random, pace } = this.#options;
    if (session) {
      const refusal = session.refusal(service);
      if (refusal) throw refusal;
      return sessions.homeOf(session);
    }
    const { serving } = this;
    if (serving.length === 0) return undefined;
    const { endpoint, key, router = this.#options.router } = plan;
    const expectedMs = ({ index }: Candidate) => pace.expectedMs(endpoint, index, clock.now());
    const call = { endpoint, args, key, lastIndex: this.#lastIndex, random, expectedMs };
    const home = router(serving, call) ?? roundRobin(serving, call);
    if (home === undefined || serving.includes(home)) return home;
    throw new ServiceOptionsError('router', home, 'A router returns one of the replicas it is given, or undefined.');
  }

  /** A replica takes a call: the next turn is that of the one behind it. */
  took({ ticket: { session } }: Call, replica: Replica): void {
    if (!session) this.#lastIndex = replica.index;
  }
}
