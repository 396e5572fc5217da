import type { Actor, ActorClass } from '../actor/actor.ts';
import { type Context, runIn, type Scope } from '../actor/context.ts';
import { CallAbortedError, type FailureKind, type MeshFailure, reasonText } from '../errors.ts';
import type { Point } from '../mesh/extent.ts';
import { type ActorEvent, CHANNELS } from '../seeing/channels.ts';
import type { ActorReport, ActorState } from '../seeing/process-report.ts';
import { type Owned, stopOwned } from '../supervision/owner.ts';
import { within } from '../time/deadline.ts';
import { ActorContext } from './actor-context.ts';
import { ActorMessages, type Recipient } from './actor-messages.ts';
import { type CellSpec, endOf, failureOf } from './cell-spec.ts';
import type { IncomingCall } from './incoming-call.ts';
import type { LocalProcess } from './local-process.ts';
import type { MailboxLimits } from './mailbox.ts';

/** Time for the messages that came before a stop, and again for `cleanup`. */
const DRAIN_MS = 4_000;

const spawns = CHANNELS['monarch:actor:spawn'];
const stops = CHANNELS['monarch:actor:stop'];

/**
 * An actor in this process: its life, and what it owns. There may be very many, most of them idle: what an
 * actor may never need is made when it is first asked for.
 */
export class Cell implements Recipient {
  readonly #process: LocalProcess;
  readonly #spec: CellSpec;
  readonly #actor: Actor;
  readonly #limits: MailboxLimits | undefined;
  readonly #scope: Scope;
  readonly context: Context;
  #messages: ActorMessages | undefined;
  /** Its messages are handled. */
  #isOpen = false;
  #owned: Set<Owned> | undefined;
  #ending: AbortController | undefined;
  /** There may be something to clean up. */
  #isSetUp = false;
  /** While setup runs. */
  #setup: Promise<void> | undefined;
  /** It is broken: messages that came before are not handled either. */
  #isBroken = false;
  /** Why it takes no more messages. */
  #end: MeshFailure | undefined;
  #ended: Promise<void> | undefined;

  /** Constructs the actor. @throws what its constructor throws */
  constructor(
    process: LocalProcess,
    spec: CellSpec,
    type: ActorClass<Actor, readonly unknown[]>,
    args: readonly unknown[],
  ) {
    this.#process = process;
    this.#spec = spec;
    this.#limits = type.mailbox;
    this.context = new ActorContext(process, this);
    this.#scope = { program: process.program, owner: this, context: this.context };
    this.#actor = runIn(this.#scope, () => new type(...args));
    if (spawns.hasSubscribers) spawns.publish(this.event);
  }

  get name(): string {
    return `${this.#spec.name}/${this.point.rank}`;
  }

  get point(): Point<string> {
    return this.#spec.point;
  }

  get actor(): number {
    return this.#spec.actor;
  }

  /** Resolves when it has ended, if it has failed or was stopped. */
  get ending(): Promise<void> | undefined {
    return this.#ended;
  }

  /** Process of its owner. */
  get owner(): string {
    return this.#spec.owner;
  }

  get generation(): number {
    return this.#spec.generation;
  }

  get owned(): Set<Owned> {
    this.#owned ??= new Set();
    return this.#owned;
  }

  /** Aborts when it ends. */
  get signal(): AbortSignal {
    if (this.#ending === undefined) {
      this.#ending = new AbortController();
      if (this.#end !== undefined) this.#ending.abort(new CallAbortedError(this.name, 'this actor', this.#end.message));
    }
    return this.#ending.signal;
  }

  /** What its class has made. */
  get instance(): Actor {
    return this.#actor;
  }

  get ended(): string | undefined {
    return this.#end?.message;
  }

  get broken(): MeshFailure | undefined {
    return this.#isBroken ? this.#end : undefined;
  }

  get event(): ActorEvent {
    const { name, point } = this.#spec;
    return { process: this.#process.id, mesh: name, rank: point.rank, className: this.#actor.constructor.name };
  }

  /** Runs the actor's setup, then lets its messages in. */
  async setup(): Promise<void> {
    this.#isSetUp = true;
    if (this.#actor.setup !== undefined) {
      this.#setup = runIn(this.#scope, async () => await this.#actor.setup?.());
      await this.#setup;
      this.#setup = undefined;
    }
    this.#open();
  }

  #open(): void {
    this.#isOpen = true;
    this.#messages?.open();
  }

  receive(call: IncomingCall): void {
    if (this.#end !== undefined) return void call.reply('failure', this.#process.encodeError(this.#end));
    if (this.#messages === undefined) {
      this.#messages = new ActorMessages(this.#process, this, this.#actor, this.#limits);
      if (this.#isOpen) this.#messages.open();
    }
    this.#messages.receive(call);
  }

  failedAt(kind: FailureKind, what: string, cause: unknown): void {
    this.fail(failureOf(this.#spec, { kind, problem: `failed: ${what}: ${reasonText(cause)}`, cause }));
  }

  /** Ends it on its own request, as broken. @throws the failure that it ends with */
  abort(reason: string): never {
    const failure = failureOf(this.#spec, { kind: 'aborted', problem: `aborted: ${reason}` });
    this.fail(failure);
    throw failure;
  }

  /** Ends it because something is broken; its owner is told. */
  fail(failure: MeshFailure): void {
    if (this.#end !== undefined) return;
    this.#break(failure);
    if (failure.restarting) void this.#process.cells.vacate(this.actor);
    this.#process.tellOwner(this.#spec, failure);
  }

  #break(failure: MeshFailure): void {
    this.#end = failure;
    this.#isBroken = true;
    this.#process.failures.add(this.#process.platform.date(), failure);
    this.#messages?.fail(failure, true);
    this.#ended = this.#finish(failure.message);
  }

  /** Ends it because nobody owns it any more. */
  async orphan(why: string): Promise<MeshFailure> {
    const failure = endOf(this.#spec, 'orphaned', why);
    if (this.#end === undefined) this.#break(failure);
    await this.#ended;
    return this.#end ?? failure;
  }

  /** It failed, and it is not restarted after all. */
  bury(failure: MeshFailure): void {
    this.#end = failure;
  }

  /** Ends it in order: messages that came before are handled, what it owns is stopped, then it cleans up. */
  async stop(reason: string): Promise<MeshFailure> {
    if (this.#ended === undefined || this.#end === undefined) {
      this.#end = endOf(this.#spec, 'aborted', reason);
      this.#messages?.abort(reason);
      this.#ended = this.#finish(reason);
    }
    await this.#ended;
    // It is not restarted any more.
    if (this.#end.restarting) this.#end = endOf(this.#spec, 'aborted', reason);
    return this.#end;
  }

  async supervise(failure: MeshFailure): Promise<void> {
    if (this.#end !== undefined) return;
    let cause: unknown = failure;
    try {
      const isHandled = await runIn(this.#scope, () => this.#actor.supervise?.(failure));
      if (isHandled || failure.restarting) return;
    } catch (error) {
      cause = new AggregateError([error, failure], `supervise of ${this.name} threw: ${reasonText(error)}`);
    }
    const { kind, process, chain } = failure;
    const problem = `failed with what it owns: ${reasonText(cause)}`;
    this.fail(failureOf(this.#spec, { kind, process, problem, chain: [...chain, this.name], cause }));
  }

  /** How it is, for whoever looks at the program. */
  report(actor: number): ActorReport {
    const { mesh, rank, className } = this.event;
    const failure = this.#end === undefined ? {} : { failure: this.#end.message };
    const counted = this.#messages?.report() ?? { mailboxLength: 0, mailboxHighWater: 0, endpoints: [] };
    return { actor, mesh, rank, className, state: this.#state(), ...failure, ...counted };
  }

  #state(): ActorState {
    if (this.#end !== undefined) return this.#isBroken ? 'failed' : 'stopping';
    if (this.#setup !== undefined) return 'setting up';
    return this.#isSetUp ? 'running' : 'constructed';
  }

  async #finish(reason: string): Promise<void> {
    if (stops.hasSubscribers) stops.publish(this.event);
    this.#ending?.abort(new CallAbortedError(this.name, 'this actor', reason));
    const drained = Promise.allSettled([this.#setup]).then(async () => {
      this.#open();
      await this.#messages?.idle();
    });
    await within(this.#process.clock, DRAIN_MS, drained);
    if (this.#end !== undefined) this.#messages?.fail(this.#end, false);
    if (this.#owned !== undefined) await stopOwned(this, reason);
    if (!this.#isSetUp) return;
    try {
      const cleaned = runIn(this.#scope, async () => await this.#actor.cleanup?.());
      await within(this.#process.clock, DRAIN_MS, cleaned);
    } catch (error) {
      const trace = error instanceof Error ? error.stack : String(error);
      this.#process.platform.write('stderr', `${this.name}: cleanup failed: ${trace}\n`);
    }
  }
}
