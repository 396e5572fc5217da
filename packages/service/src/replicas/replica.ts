import type { Clock } from '@forge/monarch';
import { ReplicaEndedError, StartTimeoutError } from '../errors.ts';
import { RequestCounter } from '../request-counter.ts';
import { lessonOf } from './call-outcome.ts';
import type { EjectionPolicy } from './ejection.ts';
import { checkHealth, type HealthCheckPolicy } from './health-check.ts';
import type { Incarnation, ReplicaSource } from './incarnation.ts';
import { afterEvent, born, type Life, type LifeEvent, type LifeRules, type ReplicaState, TRAITS } from './life.ts';
import { type MissedCall, MissedCalls } from './missed-calls.ts';

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

/** In these a call to all replicas waits. */
const MISSES: ReadonlySet<ReplicaState> = new Set(['initializing', 'warming', 'ejected', 'probing', 'draining']);

/** One replica: the same actors, started again whenever they are lost. Its `Life` decides; here is what follows. */
export class Replica {
  readonly index: number;
  readonly requests = new RequestCounter();
  readonly #source: ReplicaSource;
  readonly #hooks: ReplicaHooks;
  #life: Life;
  #incarnation: Incarnation | undefined;
  /** Calls to all replicas that were made while this one was starting or ejected, in order. */
  #missed = new MissedCalls();
  #inFlight = 0;
  #assignedSessions = 0;
  #hasProbe = false;
  /** Ends the current incarnation. */
  #end = new AbortController();
  /** Resolves when all incarnations so far have ended. */
  #gone: Promise<void> = Promise.resolve();
  #drained: Promise<void> | undefined;
  #cancelWait = () => {};
  #stopChecks = () => {};
  readonly #first = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
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

  /** Where it is or was last: the rank of its machine among the hosts. */
  get host(): number | undefined {
    return this.#source.host;
  }

  /** Failures in a row, of calls and checks. */
  get failures(): number {
    return this.#life.failures;
  }

  /** Resolves when it has stopped and nothing of it is left. */
  get ended(): Promise<void> {
    return this.#ended.promise;
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
    return this.state === 'healthy' || (this.state === 'probing' && this.#isTriedByRequest && !this.#hasProbe);
  }

  /** It may serve a request of its own sessions now. */
  get hasFreeSlotForSessions(): boolean {
    if (this.state !== 'draining') return this.hasFreeSlot;
    return this.#inFlight < this.#hooks.maxConcurrency;
  }

  /** Nothing else tells whether a probe goes well. */
  get #isTriedByRequest(): boolean {
    return this.#incarnation?.check === undefined && this.#missed.isEmpty;
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
    if (isProbe && this.state === 'probing') this.#tryAgain();
    this.#noteIdle();
  }

  /**
   * A call to all replicas goes out while this one is not healthy: it gets the call before its next request, or at once
   * when it drains.
   */
  miss(call: MissedCall): void {
    if (MISSES.has(this.state)) this.#missed.add(call);
    if (this.state === 'draining') this.#flush();
    if (this.state === 'probing' && !this.#hasProbe) this.#tryAgain();
  }

  /** Lets its requests and sessions end, for up to `graceMs`, then ends it. */
  async drain(graceMs: number): Promise<void> {
    this.#drained ??= this.#drain(graceMs);
    await this.#drained;
  }

  async #drain(graceMs: number): Promise<void> {
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
    // What it missed while it was tried is part of the trial.
    if (event === 'answered' && before.state === 'probing' && !this.#missed.isEmpty) return;
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
    if (state === 'healthy') this.#stopChecks = this.#check();
    if (state === 'probing') this.#stopChecks = this.#probe();
    if (state === 'healthy') this.#first.resolve();
    if (state === 'draining') this.#flush();
    if (state === 'stopped') {
      this.#idle();
      this.#first.reject(new ReplicaEndedError(this.#hooks.name, this.index));
      void this.#gone.then(() => {
        this.#source.release();
        this.#ended.resolve();
      });
    }
  }

  #due(): void {
    const { name, startTimeoutMs = 0 } = this.#hooks;
    const isStart = this.state === 'initializing' || this.state === 'warming';
    this.#happens('due', isStart ? new StartTimeoutError(name, this.index, startTimeoutMs) : undefined);
  }

  /** Asks its actors how they are, now and then, if anybody wants to know. */
  #check(): () => void {
    const check = this.#incarnation?.check;
    return check ? this.#ask(check, false) : () => {};
  }

  /** Tries it with what it missed and with a check; without either the next request tells. */
  #probe(): () => void {
    const incarnation = this.#incarnation;
    if (!incarnation || this.#isTriedByRequest) return () => {};
    const ask = async () => {
      await this.#missed.send(incarnation);
      await incarnation.check?.();
    };
    return this.#ask(ask, true);
  }

  /** Its sessions are served by what every replica was told; nobody asks it anything else any more. */
  #flush(): void {
    if (this.#incarnation) this.#missed.flush(this.#incarnation);
  }

  #tryAgain(): void {
    this.#stopChecks();
    this.#stopChecks = this.#probe();
  }

  #ask(ask: () => unknown, isUrgent: boolean): () => void {
    const { clock, checks, name } = this.#hooks;
    const told = (failure: Error | undefined) => {
      this.#happens(failure ? 'failed' : 'answered', failure);
      if (!failure && this.state === 'probing') this.#tryAgain();
    };
    return checkHealth({ ...checks, clock, name: `${name}_${this.index}`, ask, told }, isUrgent);
  }

  /** From the start of its processes to their end, once those before have ended. Never rejects. */
  async #incarnate(before: Promise<void>): Promise<void> {
    const end = new AbortController();
    const { signal } = end;
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    this.#end = end;
    this.#missed = new MissedCalls();
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
    // In the same turn as the last look at what was missed: nothing can come between.
    do await this.#missed.send(incarnation);
    while (!this.#missed.isEmpty);
    if (incarnation === this.#incarnation) this.#happens('caughtUp');
  }
}
