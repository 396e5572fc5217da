import type { CallOptions, Clock, EndpointCard } from '@forge/monarch';
import { StartTimeoutError } from '../errors.ts';
import { RequestCounter } from '../request-counter.ts';
import { lessonOf } from './call-outcome.ts';
import type { EjectionPolicy } from './ejection.ts';
import { checkHealth, type HealthCheckPolicy } from './health-check.ts';
import { afterEvent, born, type Life, type LifeEvent, type LifeRules, type ReplicaState, TRAITS } from './life.ts';

/** The actors of a replica between its start and its loss. */
export interface Incarnation {
  /** What its actors can be asked, by name. */
  readonly endpoints: ReadonlyMap<string, EndpointCard>;
  /** Calls an endpoint on every rank; the first rank's result. Keeps to the limits of `options`. */
  call(endpoint: string, args: readonly unknown[], options?: CallOptions): Promise<unknown>;
  /** Brings its actors up to date before their first request; what they miss meanwhile is sent to them afterwards. */
  catchUp(): Promise<void>;
  /** Asks its actors whether they are well. @default nobody asks */
  readonly check?: (() => unknown) | undefined;
  /** Opens a stream endpoint on every rank; the first rank's items. */
  stream(endpoint: string, args: readonly unknown[], options?: CallOptions): AsyncIterable<unknown>;
  /** Ends its processes. */
  stop(): Promise<void>;
}

/** A call that every replica gets. */
export interface MissedCall {
  readonly endpoint: string;
  readonly args: readonly unknown[];
}

/** What a start is given by its replica. */
export interface Starting {
  /** How often the replica was started before. */
  readonly restarts: number;
  /** The start is not wanted any more. */
  readonly signal: AbortSignal;
  /** To be called, at any time after, when the processes fail. */
  lost(cause: unknown): void;
}

/** What a replica is made from, as often as it is started. */
export interface ReplicaSource {
  /** Starts its processes and actors; rejects, with nothing left, when it is aborted. */
  start(starting: Starting): Promise<Incarnation>;
  /** The replica has ended: gives back what was kept for it. */
  release(): void;
}

/** How the replicas of a service live. */
export interface ReplicaPolicies extends LifeRules {
  readonly maxConcurrency: number;
  readonly ejection: EjectionPolicy | undefined;
  readonly checks: HealthCheckPolicy | undefined;
}

/** What a replica needs from its service. */
export interface ReplicaHooks extends ReplicaPolicies {
  readonly name: string;
  readonly clock: Clock;
  random(): number;
  /** Others can take over its requests. */
  mayEject(replica: Replica): boolean;
  /** Told after every change of its state. */
  changed(replica: Replica, from: ReplicaState): void;
}

/** A request that a replica has taken. */
export interface Admission {
  readonly incarnation: Incarnation;
  /** It decides whether the replica takes more. */
  readonly isProbe: boolean;
}

/** One replica: the same actors, started again whenever they are lost. Its `Life` decides; here is what follows. */
export class Replica {
  readonly index: number;
  readonly requests = new RequestCounter();
  readonly #source: ReplicaSource;
  readonly #hooks: ReplicaHooks;
  #life: Life;
  #incarnation: Incarnation | undefined;
  /** Calls to all replicas that were made while this one was starting, in order. */
  #missed: MissedCall[] = [];
  #inFlight = 0;
  #assignedSessions = 0;
  #hasProbe = false;
  /** Ends the current incarnation. */
  #end = new AbortController();
  /** Resolves when all incarnations so far have ended. */
  #gone: Promise<void> = Promise.resolve();
  #cancelWait = () => {};
  #stopChecks = () => {};
  readonly #first = Promise.withResolvers<void>();
  #idle = () => {};

  constructor(index: number, source: ReplicaSource, hooks: ReplicaHooks) {
    this.index = index;
    this.#source = source;
    this.#hooks = hooks;
    this.#life = born(hooks);
    this.#first.promise.catch(() => {});
  }

  get state(): ReplicaState {
    return this.#life.state;
  }

  /** Why it was last lost or ejected. */
  get cause(): unknown {
    return this.#life.cause;
  }

  get restarts(): number {
    return this.#life.restarts;
  }

  /** Requests it is serving. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Sessions that stick to it. */
  get assignedSessions(): number {
    return this.#assignedSessions;
  }

  set assignedSessions(count: number) {
    this.#assignedSessions = count;
    this.#noteIdle();
  }

  /** Set while its actors take calls. */
  get incarnation(): Incarnation | undefined {
    return TRAITS[this.state].keepsSessions ? this.#incarnation : undefined;
  }

  /** It may serve any request now. */
  get hasFreeSlot(): boolean {
    if (this.#inFlight >= this.#hooks.maxConcurrency) return false;
    return this.state === 'healthy' || (this.state === 'probing' && !this.#incarnation?.check && !this.#hasProbe);
  }

  /** It may serve a request of its own sessions now. */
  get hasFreeSlotForSessions(): boolean {
    if (this.state !== 'draining') return this.hasFreeSlot;
    return this.#inFlight < this.#hooks.maxConcurrency;
  }

  /** Starts it; rejects when its first start fails, and goes on trying nevertheless. */
  async start(): Promise<void> {
    this.#enter();
    await this.#first.promise;
  }

  /** Takes it out of service at once and restarts it; does nothing when it is not running. */
  lose(cause: unknown): void {
    this.#happens('lost', cause);
  }

  /** Takes a request. */
  admit(): Admission {
    const isProbe = this.state === 'probing';
    this.#hasProbe ||= isProbe;
    this.#inFlight++;
    // Only replicas that run are asked.
    return { incarnation: this.#incarnation!, isProbe };
  }

  /** A request that it took has ended, with a value or an `error`, which tell how it is. */
  release({ incarnation, isProbe }: Admission, error: unknown): void {
    this.#inFlight--;
    if (isProbe) this.#hasProbe = false;
    const lesson = lessonOf(error);
    // While it is tried, what it took before says nothing about how it is now.
    const isNews = isProbe || lesson === 'lost' || this.state !== 'probing';
    if (isNews && lesson !== 'nothing' && incarnation === this.#incarnation) this.#happens(lesson, error);
    this.#noteIdle();
  }

  /** A call to all replicas goes out while this one is starting: it gets the call before its first request. */
  miss(call: MissedCall): void {
    if (this.state === 'initializing' || this.state === 'warming') this.#missed.push(call);
  }

  /** Lets its requests and sessions end, for up to `graceMs`, then ends it. */
  async drain(graceMs: number): Promise<void> {
    this.#happens('drain');
    if (this.state === 'draining') {
      const idle = Promise.withResolvers<void>();
      this.#idle = idle.resolve;
      this.#cancelWait = this.#hooks.clock.after(graceMs, idle.resolve);
      this.#noteIdle();
      await idle.promise;
    }
    await this.stop();
  }

  /** Ends its processes for good. */
  async stop(): Promise<void> {
    this.#happens('stop');
    await this.#gone;
  }

  #noteIdle(): void {
    if (this.#inFlight === 0 && this.#assignedSessions === 0) this.#idle();
  }

  #happens(event: LifeEvent, cause?: unknown): void {
    const before = this.#life;
    // What happens most.
    if (event === 'answered' && before.failures === 0 && before.state === 'healthy') return;
    const { restart, ejection, startTimeoutMs, clock, random, mayEject, changed } = this.#hooks;
    const moment = { nowMs: clock.now(), chance: random(), mayEject: mayEject(this), cause };
    this.#life = afterEvent(before, event, { ...moment, restart, ejection, startTimeoutMs });
    if (this.state === before.state) return;
    this.#cancelWait();
    this.#stopChecks();
    this.#hasProbe = false;
    if (event === 'lost' || event === 'due') this.#first.reject(cause);
    if (!TRAITS[this.state].runs) this.#end.abort();
    this.#enter();
    changed(this, before.state);
  }

  /** What follows from the state that it is in now. */
  #enter(): void {
    const { state, waitMs } = this.#life;
    if (waitMs !== undefined) this.#cancelWait = this.#hooks.clock.after(waitMs, () => this.#due());
    if (state === 'initializing') this.#gone = this.#incarnate(this.#gone);
    if (state === 'healthy' || state === 'probing') this.#stopChecks = this.#check(state === 'probing');
    if (state === 'healthy') this.#first.resolve();
    if (state === 'stopped') {
      this.#idle();
      this.#first.reject(undefined);
      void this.#gone.then(() => this.#source.release());
    }
  }

  #due(): void {
    const { name, startTimeoutMs = 0 } = this.#hooks;
    const isStart = this.state === 'initializing' || this.state === 'warming';
    this.#happens('due', isStart ? new StartTimeoutError(name, this.index, startTimeoutMs) : undefined);
  }

  /** Asks its actors how they are, if anybody wants to know. */
  #check(isUrgent: boolean): () => void {
    const { clock, checks, name } = this.#hooks;
    const ask = this.#incarnation?.check;
    if (!ask) return () => {};
    const told = (failure: Error | undefined) => this.#happens(failure ? 'failed' : 'answered', failure);
    return checkHealth({ ...checks, clock, name: `${name}_${this.index}`, ask, told }, isUrgent);
  }

  /** From the start of its processes to their end, once those before have ended. Never rejects. */
  async #incarnate(before: Promise<void>): Promise<void> {
    const end = new AbortController();
    const { signal } = end;
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    this.#end = end;
    this.#missed = [];
    await before;
    let incarnation: Incarnation | undefined;
    const lost = (cause: unknown) => {
      if (!signal.aborted) this.lose(cause);
    };
    try {
      signal.throwIfAborted();
      incarnation = await this.#source.start({ restarts: this.restarts, signal, lost });
      signal.throwIfAborted();
      this.#incarnation = incarnation;
      this.#happens('started');
      await Promise.race([this.#catchUp(incarnation), ended]);
      await ended;
    } catch (cause) {
      lost(cause);
    }
    this.#incarnation = undefined;
    // What is already dead may fail to stop; the next incarnation has processes of its own either way.
    await incarnation?.stop().catch(() => {});
  }

  async #catchUp(incarnation: Incarnation): Promise<void> {
    await incarnation.catchUp();
    for (let call = this.#missed.shift(); call; call = this.#missed.shift()) {
      await incarnation.call(call.endpoint, call.args);
    }
    // In the same turn as the last look at what was missed: nothing can come between.
    if (incarnation === this.#incarnation) this.#happens('caughtUp');
  }
}
