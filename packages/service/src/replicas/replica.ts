import { ReplicaEndedError, StartTimeoutError } from '../errors.ts';
import { RequestCounter } from '../request-counter.ts';
import { lessonOf } from './call-outcome.ts';
import type { Admission, Incarnation, ReplicaSource } from './incarnation.ts';
import { afterEvent, born, type Life, type LifeEvent, type ReplicaState, TRAITS } from './life.ts';
import { type MissedCall, MissedCalls } from './missed-calls.ts';
import { Occupancy } from './occupancy.ts';
import type { ReplicaHooks } from './replica-hooks.ts';
import { isTriedByRequest, Trials } from './trials.ts';

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
  readonly #occupancy = new Occupancy();
  readonly #trials: Trials;
  #hasProbe = false;
  /** Ends the current incarnation. */
  #end = new AbortController();
  /** Resolves when all incarnations so far have ended. */
  #gone: Promise<void> = Promise.resolve();
  #drained: Promise<void> | undefined;
  #cancelWait = () => {};
  readonly #first = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();

  constructor(index: number, source: ReplicaSource, hooks: ReplicaHooks) {
    this.index = index;
    this.#source = source;
    this.#hooks = hooks;
    this.#life = born(hooks);
    const { clock, checks, name } = hooks;
    this.#trials = new Trials({ clock, checks, name: `${name}_${index}`, told: (failure) => this.#tried(failure) });
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
    return this.#occupancy.requests;
  }

  /** Sessions that stick to it. */
  get assignedSessions(): number {
    return this.#occupancy.sessions;
  }

  set assignedSessions(count: number) {
    this.#occupancy.sessions = count;
  }

  /** It may serve any request now. */
  get hasFreeSlot(): boolean {
    if (this.inFlight >= this.#hooks.maxConcurrency) return false;
    if (this.state === 'healthy') return true;
    if (this.state !== 'probing' || this.#hasProbe || !this.#incarnation) return false;
    return isTriedByRequest(this.#incarnation, this.#missed);
  }

  /** It may serve a request of its own sessions now. */
  get hasFreeSlotForSessions(): boolean {
    return this.hasFreeSlot || (this.state === 'draining' && this.inFlight < this.#hooks.maxConcurrency);
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
    this.#occupancy.requests++;
    // Only replicas that run are asked.
    return { incarnation: this.#incarnation!, isProbe };
  }

  /** A request that it took has ended, with a value or an `error`, which tell how it is. */
  release({ incarnation, isProbe }: Admission, error: unknown): void {
    this.#occupancy.requests--;
    if (isProbe) this.#hasProbe = false;
    const lesson = lessonOf(error);
    // While it is tried, what it took before says nothing about how it is now.
    const isNews = isProbe || lesson === 'lost' || this.state !== 'probing';
    if (isNews && lesson !== 'nothing' && incarnation === this.#incarnation) this.#happens(lesson, error);
    if (isProbe) this.#goOnTrying();
  }

  /**
   * A call to all replicas goes out while this one is not healthy: it gets the call before its next request, or at once
   * when it drains.
   */
  miss(call: MissedCall): void {
    if (TRAITS[this.state].misses) this.#missed.add(call);
    if (!this.#hasProbe) this.#goOnTrying();
    this.#tellSessions();
  }

  /** Lets its requests and sessions end, for up to `graceMs`, then ends it. */
  drain(graceMs: number): Promise<void> {
    this.#drained ??= this.#drain(graceMs);
    return this.#drained;
  }

  async #drain(graceMs: number): Promise<void> {
    this.#happens('drain');
    if (this.state === 'draining') {
      const { over, leave } = this.#occupancy.idle();
      this.#cancelWait = this.#hooks.clock.after(graceMs, leave);
      // It may be lost, or stopped by somebody else.
      await Promise.race([over, this.ended]);
    }
    await this.stop();
  }

  /** While it drains, its sessions are served by what every replica is told; nobody asks it anything else. */
  #tellSessions(): void {
    if (this.state === 'draining' && this.#incarnation) this.#missed.flush(this.#incarnation);
  }

  /** Ends its processes for good. */
  async stop(): Promise<void> {
    this.#happens('stop');
    await this.#gone;
  }

  #happens(event: LifeEvent, cause?: unknown): void {
    const before = this.#life;
    // What happens most.
    if (event === 'answered' && before.failures === 0 && before.state === 'healthy') return;
    if (event === 'answered' && before.state === 'probing' && !this.#missed.isEmpty) return;
    const { restart, ejection, startTimeoutMs, clock, random, mayEject, changed } = this.#hooks;
    const moment = { nowMs: clock.now(), chance: random(), mayEject: mayEject(this), cause };
    this.#life = afterEvent(before, event, { ...moment, restart, ejection, startTimeoutMs });
    if (this.state === before.state) return;
    this.#cancelWait();
    this.#trials.stop();
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
    if (state === 'healthy') {
      this.#first.resolve();
      if (this.#incarnation) this.#trials.watch(this.#incarnation);
    }
    this.#goOnTrying();
    this.#tellSessions();
    if (state === 'stopped') {
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

  /** A check, or what it missed, went well or did not. */
  #tried(failure: Error | undefined): void {
    this.#happens(failure ? 'failed' : 'answered', failure);
    if (!failure) this.#goOnTrying();
  }

  /** What it missed while it was tried is part of the trial. */
  #goOnTrying(): void {
    if (this.state === 'probing' && this.#incarnation) this.#trials.probe(this.#incarnation, this.#missed);
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
