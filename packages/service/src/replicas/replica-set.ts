import type { Clock } from '@forge/monarch';
import type { ServiceEvent } from '../events.ts';
import { RequestCounter } from '../request-counter.ts';
import { Dispatcher } from '../routing/dispatcher.ts';
import { fanout } from '../routing/fanout.ts';
import type { FanoutOutcome } from '../routing/fanout-error.ts';
import { Plan, type PlanOptions } from '../routing/plan.ts';
import type { RetryPolicy } from '../routing/retry.ts';
import type { Router } from '../routing/router.ts';
import type { StickySession } from '../routing/session.ts';
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
  readonly router: Router;
  readonly retry: RetryPolicy;
  /** How the number of replicas follows the load. @default it does not */
  readonly autoscale: AutoscalePolicy | undefined;
  readonly emit: (event: ServiceEvent) => void;
}

/** A call of a replica set. */
export interface SetCall extends PlanOptions {
  readonly args: readonly unknown[];
  readonly session?: StickySession | undefined;
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
  #stopAutoscaler = () => {};
  #shutdown: Promise<void> | undefined;

  constructor(options: ReplicaSetOptions) {
    const { name, clock, emit, maxConcurrency } = options;
    this.#options = options;
    this.name = name;
    this.clock = clock;
    this.maxConcurrency = maxConcurrency;
    this.fleet = new Fleet({
      ...options,
      changed: (replica, from) => {
        emit({ type: 'replicaStateChanged', replica: replica.index, from, to: replica.state, cause: replica.cause });
        this.dispatcher.replicaChanged(replica);
      },
    });
    this.sessions = new SessionDesk({ clock, emit, serving: () => this.dispatcher.serving });
    const { sessions, requests, fleet } = this;
    const { replicas } = fleet;
    const hasHope = () => fleet.hasHope;
    this.dispatcher = new Dispatcher({ ...options, service: name, replicas, hasHope, sessions, requests });
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
  async route({ args, session, ...options }: SetCall): Promise<unknown> {
    return await this.dispatcher.route(new Plan(options), args, session);
  }

  /** Calls every healthy replica, past the queue, and each that is starting before its first request. */
  async fanout({ args, ...options }: SetCall): Promise<readonly FanoutOutcome<unknown>[]> {
    return await fanout(this.dispatcher, this.replicas, new Plan(options), args);
  }

  /** Turns away what waits, lets what runs end for up to `graceMs`, then ends every process. */
  async shutdown(graceMs: number): Promise<void> {
    this.#shutdown ??= this.#stop(graceMs);
    await this.#shutdown;
  }

  async #stop(graceMs: number): Promise<void> {
    this.#stopAutoscaler();
    const grace = Promise.withResolvers<void>();
    const cancel = this.clock.after(graceMs, grace.resolve);
    await Promise.race([this.dispatcher.close(), grace.promise]);
    cancel();
    this.dispatcher.attempts.abandon();
    await this.fleet.stop();
  }

  #followLoad(): void {
    const { autoscale: policy, emit } = this.#options;
    if (!policy) return;
    const load = () => {
      const busy = this.replicas.reduce((sum, { inFlight }) => sum + inFlight, 0);
      return { ongoing: busy + this.dispatcher.queued, replicas: this.fleet.size };
    };
    const scale = (to: number) => {
      const from = this.fleet.size;
      emit({ type: 'autoscaled', from, to });
      this.fleet.scale(to, DRAIN_MS).catch((cause: unknown) => emit({ type: 'autoscaled', from, to, cause }));
    };
    this.#stopAutoscaler = startAutoscaler({ clock: this.clock, policy, load, scale });
  }
}
