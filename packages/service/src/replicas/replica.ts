import type { CallOptions, Clock, EndpointCard } from '@forge/monarch';
import { RequestCounter } from '../request-counter.ts';
import { type RestartPolicy, restartDelay } from './restart.ts';
import { nextState, type ReplicaChange, type ReplicaState } from './state.ts';

/** The actors of a replica between its start and its loss. */
export interface Incarnation {
  /** What its actors can be asked, by name. */
  readonly endpoints: ReadonlyMap<string, EndpointCard>;
  /** Calls an endpoint on every rank; the first rank's result. */
  call(endpoint: string, args: readonly unknown[], options?: CallOptions): Promise<unknown>;
  /** Ends its processes. */
  stop(): Promise<void>;
}

/** A call that every replica gets. */
export interface MissedCall {
  readonly endpoint: string;
  readonly args: readonly unknown[];
}

/** What a replica needs from its service. */
export interface ReplicaHooks<I extends Incarnation> {
  readonly clock: Clock;
  readonly maxConcurrency: number;
  readonly restart: RestartPolicy | undefined;
  /** Starts its processes; `lost` is called, at any time after, when they fail. */
  start(index: number, lost: (cause: unknown) => void): Promise<I>;
  /** Brings it up to date before its first request; what it misses meanwhile is sent to it afterwards. */
  catchUp(replica: Replica<I>, incarnation: I): Promise<void>;
  /** Told after every change. */
  changed(replica: Replica<I>, from: ReplicaState): void;
}

/**
 * One replica: the same actors, started again whenever they are lost.
 *
 * ```
 *  start() ─▶ initializing ──caughtUp──▶ healthy ──lose(cause)──▶ recovering ──┐ stop what is left, wait, start again,
 *                  ▲  └────────────lose(cause), hook failed────────▶│          │ until restartDelay says no more:
 *                  └───────────────────restart──────────────────────┘          └─exhausted─▶ unhealthy
 * ```
 */
export class Replica<I extends Incarnation = Incarnation> {
  readonly index: number;
  readonly requests = new RequestCounter();
  /** Sessions that stick to it. */
  assignedSessions = 0;
  /** Requests it is serving. */
  inFlight = 0;
  readonly #hooks: ReplicaHooks<I>;
  readonly #restartedAtMs: number[] = [];
  /** Calls to all replicas that were made while this one was starting, in order. */
  #missed: MissedCall[] = [];
  #state: ReplicaState = 'initializing';
  #incarnation: I | undefined;
  #cause: unknown;
  /** Resolves when the current incarnation is lost or the replica is stopped. */
  #ending = Promise.withResolvers<void>();
  #life: Promise<void> | undefined;

  constructor(index: number, hooks: ReplicaHooks<I>) {
    this.index = index;
    this.#hooks = hooks;
  }

  get state(): ReplicaState {
    return this.#state;
  }

  /** Set while it is healthy. */
  get incarnation(): I | undefined {
    return this.#state === 'healthy' ? this.#incarnation : undefined;
  }

  /** Why it was last lost. */
  get cause(): unknown {
    return this.#cause;
  }

  get restarts(): number {
    return this.#restartedAtMs.length;
  }

  get hasFreeSlot(): boolean {
    return this.#state === 'healthy' && this.inFlight < this.#hooks.maxConcurrency;
  }

  /** Starts it for the first time; rejects when that fails, because then it is a mistake and not bad luck. */
  async start(): Promise<void> {
    const first = Promise.withResolvers<void>();
    this.#life = this.#live(first);
    await first.promise;
  }

  /** Takes it out of service at once and restarts it; does nothing when it is not running. */
  lose(cause: unknown): void {
    if (this.#change('lost', cause)) this.#ending.resolve();
  }

  /** A call to all replicas goes out while this one is starting: it gets the call before its first request. */
  miss(call: MissedCall): void {
    if (this.#state === 'initializing') this.#missed.push(call);
  }

  /** Ends its processes for good. */
  async stop(): Promise<void> {
    this.#change('stop');
    this.#ending.resolve();
    await this.#life;
  }

  async #live(first: PromiseWithResolvers<void>): Promise<void> {
    let hasStarted = false;
    await this.#incarnate(() => {
      hasStarted = true;
      first.resolve();
    });
    if (!hasStarted) return first.reject(this.#cause);
    while (await this.#backOff()) await this.#incarnate(() => {});
  }

  /** From the start of its processes to their end. Never rejects. */
  async #incarnate(healthy: () => void): Promise<void> {
    const ending = Promise.withResolvers<void>();
    this.#ending = ending;
    this.#missed = [];
    let incarnation: I | undefined;
    try {
      incarnation = await this.#hooks.start(this.index, (cause) => {
        if (this.#ending === ending) this.lose(cause);
      });
      this.#incarnation = incarnation;
      if (this.#state === 'initializing') await Promise.race([this.#catchUp(incarnation), ending.promise]);
      if (this.#state === 'healthy') healthy();
      await ending.promise;
    } catch (cause) {
      this.lose(cause);
    } finally {
      this.#incarnation = undefined;
      // What is already dead may fail to stop; the next incarnation has processes of its own either way.
      await incarnation?.stop().catch(() => {});
    }
  }

  async #catchUp(incarnation: I): Promise<void> {
    await this.#hooks.catchUp(this, incarnation);
    for (let call = this.#missed.shift(); call; call = this.#missed.shift()) {
      await incarnation.call(call.endpoint, call.args);
    }
    // In the same turn as the last look at what was missed: nothing can come between.
    this.#change('caughtUp');
  }

  /** Waits for the next restart; `false` when there is none. */
  async #backOff(): Promise<boolean> {
    if (this.#state !== 'recovering') return false;
    const { clock, restart } = this.#hooks;
    const delayMs = restartDelay(this.#restartedAtMs, clock.now(), restart);
    if (delayMs === undefined) {
      this.#change('exhausted');
      return false;
    }
    this.#ending = Promise.withResolvers();
    const cancel = clock.after(delayMs, this.#ending.resolve);
    await this.#ending.promise;
    cancel();
    if (!this.#change('restart')) return false;
    this.#restartedAtMs.push(clock.now());
    return true;
  }

  #change(change: ReplicaChange, cause?: unknown): boolean {
    const from = this.#state;
    const to = nextState(from, change);
    if (to === undefined) return false;
    if (change === 'lost') this.#cause = cause;
    this.#state = to;
    this.#hooks.changed(this, from);
    return true;
  }
}
