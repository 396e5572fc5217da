import type { Clock } from '@forge/monarch';
import { type FanoutOutcome, ServiceStoppedError } from '../errors.ts';
import type { ServiceEvent } from '../events.ts';
import { RequestCounter } from '../request-counter.ts';
import { Dispatcher } from '../routing/dispatcher.ts';
import { Outage } from '../routing/outage.ts';
import { type RequestSpec, ServiceRequest } from '../routing/request.ts';
import { SessionDesk } from '../routing/session-desk.ts';
import type { AutoscalePolicy } from './autoscale.ts';
import { startAutoscaler } from './autoscaler.ts';
import { Fleet, type FleetOptions } from './fleet.ts';
import type { Replica } from './replica.ts';

/** Time for the requests and sessions of a replica that is not needed any more. */
const DRAIN_MS = 20_000;

/** What a replica set is made of: limits, and how to start one replica. */
export interface ReplicaSetOptions extends Omit<FleetOptions, 'changed'> {
  readonly numReplicas: number;
  /** Replicas that must be healthy before the start is over. */
  readonly minHealthy: number;
  readonly maxQueued: number;
  readonly waitForHealthyMs: number;
  /** How the number of replicas follows the load. @default it does not */
  readonly autoscale: AutoscalePolicy | undefined;
  readonly emit: (event: ServiceEvent) => void;
}

/** Replicas and what is asked of them, from their start to their shutdown. */
export class ReplicaSet {
  readonly name: string;
  readonly clock: Clock;
  readonly maxConcurrency: number;
  readonly requests = new RequestCounter();
  readonly sessions: SessionDesk;
  readonly dispatcher: Dispatcher;
  readonly fleet: Fleet;
  readonly #options: ReplicaSetOptions;
  readonly #outage: Outage;
  /** Fanouts that found no healthy replica. */
  readonly #waiting = new Set<ServiceRequest>();
  #order = 0;
  #isStopped = false;
  #stopAutoscaler = () => {};
  #shutdown: Promise<void> | undefined;

  constructor(options: ReplicaSetOptions) {
    const { name, clock, emit, maxQueued, maxConcurrency, waitForHealthyMs } = options;
    this.#options = options;
    this.name = name;
    this.clock = clock;
    this.maxConcurrency = maxConcurrency;
    this.fleet = new Fleet({
      ...options,
      changed: (replica, from) => {
        emit({ type: 'replicaStateChanged', replica: replica.index, from, to: replica.state, cause: replica.cause });
        this.#replicaChanged(replica);
      },
    });
    const { replicas } = this.fleet;
    this.sessions = new SessionDesk(replicas, emit);
    this.#outage = new Outage(name, this.fleet, waitForHealthyMs);
    const { sessions } = this;
    const now = () => clock.now();
    this.dispatcher = new Dispatcher({ service: name, replicas, sessions, outage: this.#outage, maxQueued, now, emit });
  }

  get replicas(): readonly Replica[] {
    return this.fleet.replicas;
  }

  /** Starts all replicas at once. @throws {ReplicaStartError} when too few of them start; none is left then. */
  async start(): Promise<void> {
    const { numReplicas, minHealthy } = this.#options;
    try {
      await this.fleet.start(numReplicas, minHealthy);
      this.#followLoad();
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
    for (const replica of this.replicas) replica.miss(spec);
    const healthy = this.replicas.filter(({ state }) => state === 'healthy');
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
    this.#stopAutoscaler();
    for (const request of this.#waiting) request.stop(false);
    const grace = Promise.withResolvers<void>();
    const cancel = this.clock.after(graceMs, grace.resolve);
    await Promise.race([this.dispatcher.close(), grace.promise]);
    cancel();
    this.dispatcher.abandon();
    await this.fleet.stop();
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

  #followLoad(): void {
    const { autoscale: policy, emit } = this.#options;
    if (!policy) return;
    const load = () => {
      const busy = this.replicas.reduce((sum, { inFlight }) => sum + inFlight, 0);
      return { ongoing: busy + this.dispatcher.queued, replicas: this.fleet.members.length };
    };
    const scale = (to: number) => {
      const from = this.fleet.members.length;
      emit({ type: 'autoscaled', from, to });
      this.fleet.scale(to, DRAIN_MS).catch((cause: unknown) => emit({ type: 'autoscaled', from, to, cause }));
    };
    this.#stopAutoscaler = startAutoscaler({ clock: this.clock, policy, load, scale });
  }

  #replicaChanged(replica: Replica): void {
    this.dispatcher.replicaChanged(replica);
    for (const request of this.#waiting) {
      if (this.#outage.isOver) request.resolve(undefined);
      else this.#outage.watch(request);
    }
  }
}
