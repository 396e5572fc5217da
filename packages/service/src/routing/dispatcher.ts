import { BackPressureError, ReplicaFailedError } from '../errors.ts';
import type { ServiceEvent } from '../events.ts';
import { isLoss } from '../replicas/call-outcome.ts';
import { TRAITS } from '../replicas/life.ts';
import type { Incarnation, Replica } from '../replicas/replica.ts';
import type { RequestEnd } from '../request-counter.ts';
import type { Outage } from './outage.ts';
import type { ServiceRequest } from './request.ts';
import { RequestQueue } from './request-queue.ts';
import { roundRobin } from './router.ts';
import type { SessionDesk } from './session-desk.ts';

/** Attempts of an idempotent request, the first included. */
const MAX_ATTEMPTS = 3;

/** What a dispatcher needs of its service. */
export interface DispatcherOptions {
  readonly service: string;
  readonly replicas: readonly Replica[];
  readonly sessions: SessionDesk;
  readonly outage: Outage;
  readonly maxQueued: number;
  readonly now: () => number;
  readonly emit: (event: ServiceEvent) => void;
}

/**
 * Hands requests to replicas with a free slot; those that find none wait here, so that a slow replica holds up nobody
 * else and a lost one loses nothing that it had not begun.
 *
 * ```
 *  submit ─▶ free slot? ──▶ replica ──▶ value, or error of the endpoint ──▶ caller
 *              │ no           │ lost: idempotent and attempts left ──▶ queue, in its old place
 *              ▼              ▼ otherwise ──▶ ReplicaFailedError
 *            queue ──(slot freed, replica healthy)──▶ replica
 *              └─ full: BackPressureError · deadline, abort · no healthy replica for waitForHealthyMs
 * ```
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #queue = new RequestQueue<ServiceRequest, Replica>();
  readonly #running = new Set<ServiceRequest>();
  readonly #pick = roundRobin();
  #isClosed = false;
  #rejected = 0;
  #retried = 0;
  #idle = () => {};

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Requests that wait. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Requests turned away because the queue was full. */
  get rejected(): number {
    return this.#rejected;
  }

  /** Attempts beyond the first. */
  get retried(): number {
    return this.#retried;
  }

  /** Requests that wait for this replica because of their session. */
  queuedFor(replica: Replica): number {
    return this.#queue.pinnedTo(replica);
  }

  /** Serves a request as soon as there is a slot for it. */
  submit(request: ServiceRequest): void {
    const { service, maxQueued } = this.#options;
    if (this.#tryRun(request)) return;
    if (this.#queue.size < maxQueued) this.#wait(request);
    else {
      this.#rejected++;
      request.reject(new BackPressureError(service, this.#queue.size, maxQueued));
    }
  }

  /** Forgets a request that waits. */
  withdraw(request: ServiceRequest): void {
    this.#queue.remove(request);
  }

  /** Follows a replica whose state has changed. */
  replicaChanged(replica: Replica): void {
    const { sessions, outage } = this.#options;
    if (replica.state === 'healthy') {
      for (const request of this.#queue.takeOpen(({ spec }) => spec.session !== undefined)) this.#wait(request);
    } else if (!TRAITS[replica.state].keepsSessions) {
      sessions.leave(replica);
      for (const request of this.#queue.unpin(replica)) this.#wait(request);
    }
    for (const request of this.#queue) outage.watch(request);
    this.#dispatch();
  }

  /** Turns away what waits; resolves when nothing runs any more. Nothing may be submitted afterwards. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const request of this.#queue) request.stop(false);
    if (this.#running.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Answers the callers of what still runs. */
  abandon(): void {
    for (const request of this.#running) request.stop(true);
  }

  /** Serves a request on this replica, whether or not it has a free slot. */
  async run(request: ServiceRequest, replica: Replica): Promise<void> {
    const { now } = this.#options;
    const { endpoint, args } = request.spec;
    const admission = replica.admit();
    const { incarnation } = admission;
    const startedAtMs = now();
    let end: RequestEnd = 'failed';
    let failure: unknown;
    request.attempts++;
    this.#running.add(request);
    try {
      request.resolve(await request.resume(() => incarnation.call(endpoint, args, request.callOptions)));
      end = 'successful';
    } catch (error) {
      failure = error;
    }
    replica.release(admission, failure);
    if (end !== 'successful' && !isLoss(failure)) request.reject(failure);
    else if (end !== 'successful' && this.#survives(request, { replica, incarnation, error: failure })) end = 'retried';
    this.#running.delete(request);
    const nowMs = now();
    replica.requests.count(end, nowMs - startedAtMs, nowMs);
    if (end === 'retried' && !this.#tryRun(request)) this.#wait(request);
    this.#dispatch();
    if (this.#running.size === 0) this.#idle();
  }

  /** Its replica was lost under it; `true` when it may try again. */
  #survives(request: ServiceRequest, { replica, incarnation, error }: Loss): boolean {
    const { service, emit } = this.#options;
    const { attempts, spec } = request;
    const { endpoint, isForOneReplica } = spec;
    if (request.isSettled) return false;
    if (this.#isClosed) request.stop(true, error);
    else if (isForOneReplica || !incarnation.endpoints.get(endpoint)?.idempotent || attempts === MAX_ATTEMPTS) {
      request.reject(new ReplicaFailedError(service, { replica: replica.index, endpoint, attempts, cause: error }));
    } else {
      this.#retried++;
      emit({ type: 'requestRetried', endpoint, replica: replica.index, attempts });
    }
    return !request.isSettled;
  }

  /** Sends it now, when a replica that may serve it has a free slot. */
  #tryRun(request: ServiceRequest): boolean {
    const { replicas, sessions } = this.#options;
    const { session } = request.spec;
    const home = session && sessions.homeOf(session);
    const free = home
      ? [home].filter((replica) => replica.hasFreeSlotForSessions)
      : replicas.filter((replica) => replica.hasFreeSlot);
    if (free.length === 0) return false;
    void this.run(request, home ?? this.#pick(free));
    return true;
  }

  /** Invariant: while a replica is healthy, every waiting request of a session is pinned. */
  #wait(request: ServiceRequest): void {
    const { sessions, outage } = this.#options;
    const { session } = request.spec;
    request.park();
    this.#queue.add(request, request.order, session && sessions.homeOf(session));
    outage.watch(request);
  }

  /** Something waits that it may serve now. One that drains serves its sessions only. */
  #hasFor(replica: Replica): boolean {
    if (replica.hasFreeSlot) return this.#queue.hasFor(replica);
    return replica.hasFreeSlotForSessions && this.#queue.pinnedTo(replica) > 0;
  }

  #dispatch(): void {
    const { replicas } = this.#options;
    while (this.#queue.size > 0) {
      const ready = replicas.filter((replica) => this.#hasFor(replica));
      if (ready.length === 0) return;
      const replica = this.#pick(ready);
      const request = this.#queue.take(replica, replica.hasFreeSlot);
      if (request) void this.run(request, replica);
    }
  }
}

interface Loss {
  readonly replica: Replica;
  readonly incarnation: Incarnation;
  readonly error: unknown;
}
