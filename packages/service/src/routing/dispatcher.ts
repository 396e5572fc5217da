import { CallAbortedError } from '@forge/monarch';
import { BackPressureError, ServiceStoppedError } from '../errors.ts';
import type { ServiceEvent } from '../events.ts';
import { TRAITS } from '../replicas/life.ts';
import type { Replica } from '../replicas/replica.ts';
import type { RequestCounter, RequestEnd } from '../request-counter.ts';
import { AbortWatch } from './abort-watch.ts';
import { Attempts } from './attempts.ts';
import { CallQueue } from './call-queue.ts';
import { Destinations, type DestinationsOptions } from './destinations.ts';
import { Outage } from './outage.ts';
import type { Call, Plan, Ticket } from './plan.ts';
import { Readmission } from './readmission.ts';
import { readyToWait, type Waiter } from './ready-to-wait.ts';
import type { RetryPolicy } from './retry.ts';
import type { Router } from './router.ts';
import type { StickySession } from './session.ts';

/** What a dispatcher needs of its service. */
export interface DispatcherOptions extends Omit<DestinationsOptions, 'pace'> {
  /** Some replica may take requests again. */
  readonly hasHope: () => boolean;
  readonly retry: RetryPolicy;
  readonly maxQueued: number;
  readonly waitForHealthyMs: number;
  readonly requests: RequestCounter;
  readonly emit: (event: ServiceEvent) => void;
}

/** Times at least this far apart are told apart for years. */
const INSTANT_MS = 2 ** -16;

/**
 * Hands calls to replicas with a free slot; those that find none wait here, so that a slow replica holds up nobody else
 * and a lost one loses nothing that it had not begun.
 *
 * ```
 *  route ─▶ router ─▶ free slot? ──▶ replica ──▶ value, or error of the endpoint ──▶ caller
 *              ▲         │ no           │ lost: may be repeated ──▶ delay ──▶ router
 *              │         ▼              ▼ otherwise ──▶ ReplicaFailedError
 *              │       queue ──(slot freed, replica healthy)──▶ replica
 *              └─ its replica is lost ─┘ └─ full: BackPressureError · deadline, abort · no replica for waitForHealthyMs
 * ```
 */
export class Dispatcher {
  readonly attempts: Attempts;
  readonly #options: DispatcherOptions;
  readonly #waiter: Waiter;
  readonly #queue = new CallQueue<Replica>();
  readonly #destinations: Destinations;
  readonly #outage: Outage;
  readonly #readmission = new Readmission();
  #lastArrivalMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  #rejected = 0;

  constructor(options: DispatcherOptions) {
    const { service, clock, random, replicas, hasHope, retry, emit, waitForHealthyMs } = options;
    const refuse = (call: Call, error: unknown) => this.#refuse(call, error);
    this.#options = options;
    this.#waiter = { service, clock, aborts: new AbortWatch(), refuse };
    this.attempts = new Attempts({
      ...{ ...this.#waiter, random, retry, emit },
      answer: (call, value) => this.#answer(call, value, 'successful'),
      repeat: (call) => this.#enter(call, 'again'),
      freed: (replica, latencyMs) => {
        this.#readmission.served(latencyMs);
        this.#serve(replica);
      },
    });
    this.#destinations = new Destinations({ ...options, pace: this.attempts.pace });
    const queue = this.#queue;
    this.#outage = new Outage({ service, clock, replicas, hasHope, queue, waitMs: waitForHealthyMs, refuse });
  }

  /** It takes no more calls. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The router of calls that name none. */
  get router(): Router {
    return this.#options.router;
  }

  /** Calls that wait for a replica. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Calls turned away because the queue was full. */
  get rejected(): number {
    return this.#rejected;
  }

  /** Calls that wait for this replica and no other. */
  queuedFor(replica: Replica): number {
    return this.#queue.pinnedTo(replica);
  }

  /** Replicas that take requests of anybody, in order of index. */
  get serving(): readonly Replica[] {
    return this.#destinations.serving;
  }

  /** Serves a call as soon as there is a slot for it. */
  route(plan: Plan, args: readonly unknown[], session?: StickySession): Promise<unknown> {
    return this.#take(session ? { ...plan.ticket, session } : plan.ticket, args, (call) => {
      this.attempts.earn();
      if (session) this.#options.sessions.begin(session);
      this.#enter(call, 'new');
    });
  }

  /** Serves a call on this replica at once, past the queue. */
  routeTo(replica: Replica, plan: Plan, args: readonly unknown[]): Promise<unknown> {
    return this.#take({ ...plan.ticket, purpose: 'fanout' }, args, (call) => this.attempts.run(call, replica));
  }

  /**
   * Waits, while no replica takes requests, until one does; for how many milliseconds. Rejects when none does for too
   * long, or at the limits of the plan.
   */
  async opening(plan: Plan): Promise<number> {
    const { clock } = this.#options;
    const calledAtMs = clock.now();
    await this.#take({ ...plan.ticket, purpose: 'opening' }, [], (call) => this.#enter(call, 'again'));
    return clock.now() - calledAtMs;
  }

  /** Follows a replica whose state has changed. */
  replicaChanged(replica: Replica): void {
    if (!TRAITS[replica.state].keepsSessions) this.#options.sessions.leave(replica);
    if (this.#isClosed) return;
    const { serving } = this;
    if (!serving.includes(replica)) for (const call of this.#queue.unpin(replica)) this.#wait(call);
    if (serving.length === 0) {
      for (const call of this.#queue.takeOpen()) this.#queue.addUnrouted(call);
      this.#outage.goOn();
    } else {
      this.#outage.end();
      for (let call = this.#queue.takeUnrouted(); call; call = this.#queue.takeUnrouted()) this.#wait(call);
    }
    for (const one of this.#options.replicas) this.#serve(one);
  }

  /** Turns away what waits; resolves when nothing runs any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#outage.end();
    for (const call of this.#queue.takeAll()) this.#refuse(call, this.#stopped(call.ticket.attempts > 0));
    this.#options.sessions.closeAll();
    await this.attempts.close();
  }

  /** A call from its arrival on. */
  #take(ticket: Ticket, args: readonly unknown[], begin: (call: Call) => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(this.#stopped(false));
      const { plan } = ticket;
      if (plan.signal?.aborted) {
        return reject(new CallAbortedError(this.#options.service, plan.endpoint, plan.signal.reason));
      }
      // The order of calls is that of their times.
      this.#lastArrivalMs = Math.max(this.#options.clock.now(), this.#lastArrivalMs + INSTANT_MS);
      begin({ ticket, args, arrivedAtMs: this.#lastArrivalMs, resolve });
    });
  }

  /** Sends it to its replica, or lets it wait. */
  #enter(call: Call, arrival: 'new' | 'again'): void {
    this.#routed(call, (home) => {
      if (home && isFree(home, call)) this.#begin(call, home);
      else if (arrival === 'again' || this.#queue.size < this.#options.maxQueued) this.#park(call, home);
      else throw this.#turnAway();
    });
  }

  /** Lets it wait, wherever it has to by now. */
  #wait(call: Call): void {
    if (call.ticket.purpose === 'opening' && this.serving.length > 0) this.#answer(call, undefined, 'successful');
    else this.#routed(call, (home) => this.#park(call, home));
  }

  /** Goes on with the replica of a call, `undefined` for any; an error is its answer. */
  #routed(call: Call, goOn: (home: Replica | undefined) => void): void {
    try {
      goOn(this.#destinations.of(call));
    } catch (error) {
      this.#refuse(call, error);
    }
  }

  #park(call: Call, home: Replica | undefined): void {
    const waiting = readyToWait(call, this.#waiter);
    if (home) this.#queue.add(waiting, home);
    else if (this.serving.length > 0) this.#queue.add(waiting);
    else {
      this.#queue.addUnrouted(waiting);
      this.#outage.goOn();
    }
  }

  #begin(call: Call, replica: Replica): void {
    this.#destinations.took(call, replica);
    this.attempts.run(call, replica);
  }

  /** Gives a replica what waits for it, as much as it can take. One that drains serves its sessions only. */
  #serve(replica: Replica): void {
    while (replica.hasFreeSlotForSessions) {
      const call = this.#queue.take(replica, replica.hasFreeSlot ? 'all' : 'pinned');
      if (!call) return;
      this.#begin(call, replica);
    }
  }

  #turnAway(): BackPressureError {
    const { service, clock, maxQueued: max } = this.#options;
    this.#rejected++;
    const retryAfterMs = this.#readmission.retryAfterMs(clock.now(), this.attempts.running);
    return new BackPressureError(service, { queued: this.#queue.size, max, retryAfterMs });
  }

  #refuse(call: Call, error: unknown): void {
    this.#answer(call, Promise.reject(error), 'failed');
  }

  #answer({ ticket, arrivedAtMs, resolve }: Call, answer: unknown, end: RequestEnd): void {
    const { clock, sessions, requests } = this.#options;
    const { session, purpose, limit } = ticket;
    resolve(answer);
    limit?.cancel();
    if (session) sessions.finish(session);
    if (purpose !== 'route') return;
    const nowMs = clock.now();
    requests.count(end, nowMs - arrivedAtMs, nowMs);
  }

  #stopped(started: boolean): ServiceStoppedError {
    return new ServiceStoppedError(this.#options.service, { started });
  }
}

/** A replica may begin a call that is routed to it. One that drains does so for its sessions. */
function isFree(replica: Replica, { ticket: { session } }: Call): boolean {
  return session ? replica.hasFreeSlotForSessions : replica.hasFreeSlot;
}
