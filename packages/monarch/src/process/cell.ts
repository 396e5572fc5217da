import type { Actor, ActorClass } from '../actor/actor.ts';
import { type Context, runIn, type Scope } from '../actor/context.ts';
import {
  type AnyEndpoint,
  type EndpointInput,
  endpointBrand,
  endpointInput,
  endpointOf,
  endpointOptions,
  endpointsOf,
  plainMethodsOf,
} from '../actor/endpoint.ts';
import { validate } from '../actor/validation.ts';
import {
  ActorClassError,
  ArgumentError,
  CallAbortedError,
  DecodeError,
  type FailureKind,
  MeshFailure,
  type MeshFailureFields,
  OverflowError,
  reasonText,
} from '../errors.ts';
import type { Point } from '../mesh/extent.ts';
import { ActorCounters } from '../seeing/actor-counters.ts';
import { type ActorEvent, CHANNELS } from '../seeing/channels.ts';
import type { Handling } from '../seeing/handling.ts';
import type { ActorReport, ActorState } from '../seeing/process-report.ts';
import { type Owned, type Owner, stopOwned } from '../supervision/owner.ts';
import { within } from '../time/deadline.ts';
import { ActorContext, MessageContext } from './actor-context.ts';
import type { IncomingCall } from './incoming-call.ts';
import type { LocalProcess } from './local-process.ts';
import { Mailbox, type Reader } from './mailbox.ts';

/** Time for the messages that came before a stop, and again for `cleanup`. */
const DRAIN_MS = 4_000;

const spawns = CHANNELS['monarch:actor:spawn'];
const stops = CHANNELS['monarch:actor:stop'];

/** What the spawner says about an actor. */
export interface CellSpec {
  /** Of the mesh, unique in the program. */
  readonly mesh: string;
  readonly name: string;
  readonly point: Point<string>;
  /** Its number in this process. */
  readonly actor: number;
  /** Process of the owner. */
  readonly owner: string;
  /** How often it was restarted. */
  readonly generation: number;
  /** Its owner may restart it when it fails: until that is decided, what comes for it waits. */
  readonly isRestartable: boolean;
}

/**
 * An actor in this process: its mailbox, its life, and what it owns. There may be very many, most of them idle: what an
 * actor may never need is made when it is first asked for.
 */
export class Cell implements Owner, Reader<Handling> {
  readonly #process: LocalProcess;
  readonly #spec: CellSpec;
  readonly #actor: Actor;
  readonly #mailbox: Mailbox<Handling>;
  readonly #scope: Scope;
  readonly #context: Context;
  #owned: Set<Owned> | undefined;
  #running: Set<IncomingCall> | undefined;
  #counters: ActorCounters | undefined;
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
    this.#mailbox = new Mailbox(process.clock, this, type.mailbox);
    this.#context = new ActorContext(process, this);
    this.#scope = { program: process.program, owner: this, context: this.#context };
    this.#actor = runIn(this.#scope, () => new type(...args));
    if (spawns.hasSubscribers) spawns.publish(this.#event());
  }

  get name(): string {
    return `${this.#spec.name}/${this.point.rank}`;
  }

  get point(): Point<string> {
    return this.#spec.point;
  }

  /** Its number in this process. */
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
      if (this.#end !== undefined) this.#ending.abort(this.#aborted(this.#end.message));
    }
    return this.#ending.signal;
  }

  /** Methods that are no endpoints. */
  get plainMethods(): readonly string[] {
    return plainMethodsOf(this.#actor);
  }

  get endpoints(): ReadonlyMap<string, AnyEndpoint> {
    return endpointsOf(this.#actor);
  }

  get ended(): string | undefined {
    return this.#end?.message;
  }

  /** Runs the actor's setup, then opens its mailbox. */
  async setup(): Promise<void> {
    this.#isSetUp = true;
    if (this.#actor.setup !== undefined) {
      this.#setup = runIn(this.#scope, async () => await this.#actor.setup?.());
      await this.#setup;
      this.#setup = undefined;
    }
    this.#mailbox.open();
  }

  receive(call: IncomingCall): void {
    if (this.#end !== undefined) return void call.reply('failure', this.#process.encodeError(this.#end));
    const method = endpointOf(this.#actor, call.endpoint);
    if (method === undefined || (method[endpointBrand] === 'stream') !== call.streams) {
      const problem = `it has no ${call.streams ? 'stream ' : ''}endpoint '${call.endpoint}'.`;
      return void call.reply('error', this.#process.encode(new ActorClassError(this.#actor.constructor.name, problem)));
    }
    this.#counters ??= new ActorCounters(this.#process, this.#event());
    const handling = this.#counters.arrived(call);
    if (this.#mailbox.post(call.endpoint, method[endpointOptions].concurrency ?? 1, handling)) return;
    const overflow = new OverflowError(this.name, this.#mailbox.load);
    handling.refused(overflow);
    if (call.id === undefined) this.#broken('overflow', `lost a broadcast of '${call.endpoint}'`, overflow);
    else call.reply('failure', this.#process.encode(overflow));
  }

  /** Runs a message whose turn has come. */
  async handle(handling: Handling): Promise<void> {
    const { call } = handling;
    // `receive` took it for an endpoint that it has.
    const method = endpointOf(this.#actor, call.endpoint)!;
    handling.started();
    this.#running ??= new Set();
    this.#running.add(call);
    try {
      if (call.aborted) return call.discard();
      if (this.#isBroken) return call.reply('failure', this.#process.encodeError(this.#end));
      call.holdsLane = (method[endpointOptions].concurrency ?? 1) === 1;
      const decoded = this.#process.exchange.decode(call.payload);
      if (!Array.isArray(decoded)) throw new DecodeError('its arguments are no list.');
      const input = method[endpointInput];
      const args = input === undefined ? decoded : await this.#checked(handling, input, decoded);
      if (args === undefined) return;
      const run = input?.method ?? method;
      const scope = {
        program: this.#process.program,
        owner: this,
        context: new MessageContext(call, this.#context),
        message: call,
      };
      if (call.streams) await handling.run(() => runIn(scope, () => this.#stream(call, run(...args))));
      else {
        const result = await handling.run(() => runIn(scope, () => run(...args)));
        call.reply('value', this.#process.encode(result, { to: [call.line] }));
      }
    } catch (error) {
      handling.threw(error);
      if (call.id === undefined)
        this.#broken('exception', `its endpoint '${call.endpoint}' threw in a broadcast`, error);
      else call.reply('error', this.#process.encodeError(error));
    } finally {
      call.holdsLane = false;
      this.#running.delete(call);
      handling.ended();
    }
  }

  /** The arguments as the schemas made them; `undefined` when they refused, which the caller is told. */
  async #checked(
    handling: Handling,
    { schemas }: EndpointInput,
    decoded: readonly unknown[],
  ): Promise<readonly unknown[] | undefined> {
    const result = await validate(schemas, decoded);
    if ('args' in result) return result.args;
    const { call } = handling;
    const refusal = new ArgumentError(this.name, call.endpoint, result.issues);
    handling.threw(refusal);
    // A broadcast that is refused has changed nothing, so the actor lives.
    if (call.id === undefined) this.#process.platform.write('stderr', `A broadcast is dropped: ${refusal.message}\n`);
    else call.reply('failure', this.#process.encode(refusal));
    return undefined;
  }

  async #stream(call: IncomingCall, items: unknown): Promise<void> {
    // A stream endpoint returns an AsyncIterable by its type; the brand was checked on arrival.
    const iterator = (items as AsyncIterable<unknown>)[Symbol.asyncIterator]();
    try {
      while (await call.credit()) {
        const next = await iterator.next();
        if (next.done) {
          call.reply('end');
          return;
        }
        call.item(this.#process.encode(next.value, { to: [call.line] }));
      }
      call.discard();
    } catch (error) {
      // Also when an item could not be sent: the generator must not be left half way.
      await iterator.return?.();
      throw error;
    }
    await iterator.return?.();
  }

  /** Fails it with something that no caller is told. */
  #broken(kind: FailureKind, what: string, cause: unknown): void {
    this.fail(this.#failure({ kind, problem: `failed: ${what}: ${reasonText(cause)}`, cause }));
  }

  #failure(fields: Pick<MeshFailureFields, 'kind' | 'problem' | 'process' | 'chain' | 'cause'>): MeshFailure {
    const { name, point, generation, isRestartable } = this.#spec;
    return new MeshFailure({ mesh: name, points: [point], generation, restarting: isRestartable, ...fields });
  }

  /** Ends it on its own request, as broken. @throws the failure that it ends with */
  abort(reason: string): never {
    const failure = this.#failure({ kind: 'aborted', problem: `aborted: ${reason}` });
    this.fail(failure);
    throw failure;
  }

  /** Ends it because something is broken; its owner is told. */
  fail(failure: MeshFailure): void {
    if (this.#end !== undefined) return;
    this.#break(failure);
    if (failure.restarting) void this.#process.vacate(this.actor);
    this.#process.tellOwner(this.#spec, failure);
  }

  #break(failure: MeshFailure): void {
    this.#end = failure;
    this.#isBroken = true;
    this.#process.failures.add(this.#process.platform.date(), failure);
    for (const call of this.#running ?? []) {
      call.reply('failure', this.#process.encodeError(failure));
      call.abort(failure);
    }
    this.#ended = this.#finish(failure.message);
  }

  /** Ends it because nobody owns it any more. */
  async orphan(why: string): Promise<MeshFailure> {
    const { name, point, generation } = this.#spec;
    const problem = `was stopped: ${why}`;
    const failure = new MeshFailure({ mesh: name, points: [point], generation, kind: 'orphaned', problem });
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
      this.#end = this.#stopped(reason);
      for (const call of this.#running ?? []) call.abort(new CallAbortedError(this.name, call.endpoint, reason));
      this.#ended = this.#finish(reason);
    }
    await this.#ended;
    // It is not restarted any more.
    if (this.#end.restarting) this.#end = this.#stopped(reason);
    return this.#end;
  }

  #stopped(reason: string): MeshFailure {
    const { name, point, generation } = this.#spec;
    const problem = `was stopped: ${reason}`;
    return new MeshFailure({ mesh: name, points: [point], generation, kind: 'aborted', problem });
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
    this.fail(this.#failure({ kind, process, problem, chain: [...chain, this.name], cause }));
  }

  /** How it is, for whoever looks at the program. */
  report(actor: number): ActorReport {
    const { mesh, rank, className } = this.#event();
    const failure = this.#end === undefined ? {} : { failure: this.#end.message };
    const counted = this.#counters?.report() ?? { mailboxLength: 0, mailboxHighWater: 0, endpoints: [] };
    return { actor, mesh, rank, className, state: this.#state(), ...failure, ...counted };
  }

  #state(): ActorState {
    if (this.#end !== undefined) return this.#isBroken ? 'failed' : 'stopping';
    if (this.#setup !== undefined) return 'setting up';
    return this.#isSetUp ? 'running' : 'constructed';
  }

  #event(): ActorEvent {
    const { name, point } = this.#spec;
    return { process: this.#process.id, mesh: name, rank: point.rank, className: this.#actor.constructor.name };
  }

  #aborted(reason: string): CallAbortedError {
    return new CallAbortedError(this.name, 'this actor', reason);
  }

  async #finish(reason: string): Promise<void> {
    if (stops.hasSubscribers) stops.publish(this.#event());
    this.#ending?.abort(this.#aborted(reason));
    const drained = Promise.allSettled([this.#setup]).then(async () => {
      this.#mailbox.open();
      await this.#mailbox.idle();
    });
    await within(this.#process.clock, DRAIN_MS, drained);
    for (const call of this.#running ?? []) call.reply('failure', this.#process.encodeError(this.#end));
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
