import type { Clock } from '@forge/monarch';
import { type FanoutOutcome, ServiceStoppedError } from '../errors.ts';
import type { ServiceEvent } from '../events.ts';
import { RequestCounter } from '../request-counter.ts';
import { Dispatcher } from '../routing/dispatcher.ts';
import { Outage } from '../routing/outage.ts';
import { type RequestSpec, ServiceRequest } from '../routing/request.ts';
import { SessionDesk } from '../routing/session-desk.ts';
import { type Incarnation, Replica, type ReplicaHooks } from './replica.ts';

/** What a replica set is made of: limits, and how to start one replica. */
export interface ReplicaSetOptions<I extends Incarnation> extends Omit<ReplicaHooks<I>, 'changed'> {
  readonly name: string;
  readonly numReplicas: number;
  readonly maxQueued: number;
  readonly waitForHealthyMs: number;
  readonly emit: (event: ServiceEvent) => void;
}

/** Replicas and what is asked of them, from their start to their shutdown. */
export class ReplicaSet<I extends Incarnation = Incarnation> {
  readonly name: string;
  readonly clock: Clock;
  readonly maxConcurrency: number;
  readonly requests = new RequestCounter();
  readonly sessions: SessionDesk;
  readonly dispatcher: Dispatcher;
  readonly #replicas: Replica<I>[] = [];
  readonly #outage: Outage;
  /** Fanouts that found no healthy replica. */
  readonly #waiting = new Set<ServiceRequest>();
  #order = 0;
  #isStopped = false;
  #shutdown: Promise<void> | undefined;

  constructor(options: ReplicaSetOptions<I>) {
    const { name, clock, emit, numReplicas, maxQueued, maxConcurrency } = options;
    const replicas: readonly Replica[] = this.#replicas;
    this.name = name;
    this.clock = clock;
    this.maxConcurrency = maxConcurrency;
    this.sessions = new SessionDesk(replicas, emit);
    this.#outage = new Outage(name, replicas, options.waitForHealthyMs);
    const { sessions } = this;
    const now = () => clock.now();
    this.dispatcher = new Dispatcher({ service: name, replicas, sessions, outage: this.#outage, maxQueued, now, emit });
    const hooks: ReplicaHooks<I> = {
      ...options,
      changed: (replica, from) => {
        emit({ type: 'replicaStateChanged', replica: replica.index, from, to: replica.state, cause: replica.cause });
        this.#replicaChanged(replica);
      },
    };
    for (let index = 0; index < numReplicas; index++) this.#replicas.push(new Replica(index, hooks));
  }

  get replicas(): readonly Replica<I>[] {
    return this.#replicas;
  }

  /** Starts all replicas at once; rejects with the first error, in order of replicas, once none is left. */
  async start(): Promise<void> {
    const starts = this.#replicas.map(async (replica) => await replica.start());
    try {
      await Promise.allSettled(starts);
      await Promise.all(starts);
    } catch (error) {
      await this.shutdown(0);
      throw error;
    }
  }

  /** Calls one replica. */
  async route(spec: RequestSpec): Promise<unknown> {
    const request = this.#request(spec, (ended, isSuccessful) => {
      const nowMs = this.clock.now();
      this.dispatcher.withdraw(ended);
      this.requests.count(isSuccessful ? 'successful' : 'failed', nowMs - ended.sentAtMs, nowMs);
    });
    if (!request.isSettled) this.dispatcher.submit(request);
    return await request.result;
  }

  /** Calls every healthy replica, past the queue, and each that is starting before its first request. */
  async fanout(spec: RequestSpec): Promise<readonly FanoutOutcome<unknown>[]> {
    // Without an outage the calls go out before this returns, as those of route do.
    while (!this.#outage.isOver) await this.#untilHealthy(spec);
    for (const replica of this.#replicas) replica.miss(spec);
    const healthy = this.#replicas.filter(({ state }) => state === 'healthy');
    return await Promise.all(
      healthy.map(async (replica): Promise<FanoutOutcome<unknown>> => {
        const request = this.#request({ ...spec, isForOneReplica: true }, () => {});
        if (!request.isSettled) void this.dispatcher.run(request, replica);
        try {
          return { replica: replica.index, ok: true, value: await request.result };
        } catch (error) {
          return { replica: replica.index, ok: false, error };
        }
      }),
    );
  }

  /** Turns away what waits, lets what runs end for up to `graceMs`, then ends every process. */
  async shutdown(graceMs: number): Promise<void> {
    this.#shutdown ??= this.#stop(graceMs);
    await this.#shutdown;
  }

  async #stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    for (const request of this.#waiting) request.stop(false);
    const grace = Promise.withResolvers<void>();
    const cancel = this.clock.after(graceMs, grace.resolve);
    await Promise.race([this.dispatcher.close(), grace.promise]);
    cancel();
    this.dispatcher.abandon();
    await Promise.all(this.#replicas.map(async (replica) => await replica.stop()));
  }

  #request(spec: RequestSpec, ended: (request: ServiceRequest, isSuccessful: boolean) => void): ServiceRequest {
    if (this.#isStopped) throw new ServiceStoppedError(this.name, { started: false });
    return new ServiceRequest(++this.#order, spec, { service: this.name, clock: this.clock, ended });
  }

  async #untilHealthy(spec: RequestSpec): Promise<void> {
    const request = this.#request(spec, () => this.#waiting.delete(request));
    if (!request.isSettled) this.#waiting.add(request);
    this.#outage.watch(request);
    await request.result;
  }

  #replicaChanged(replica: Replica<I>): void {
    this.dispatcher.replicaChanged(replica);
    for (const request of this.#waiting) {
      if (this.#outage.isOver) request.resolve(undefined);
      else this.#outage.watch(request);
    }
  }
}
