import type { Actor, ActorClass } from '../actor.ts';
import { runIn, type Scope } from '../context.ts';
import { type AnyEndpoint, endpointBrand, endpointOptions, endpointsOf } from '../endpoint.ts';
import { ActorClassError, CallAbortedError, DecodeError, MeshFailure, reasonText } from '../errors.ts';
import type { Point } from '../mesh/extent.ts';
import { type Owned, type Owner, stopOwned } from '../owner.ts';
import { within } from './deadline.ts';
import { type IncomingCall, MessageContext } from './incoming-call.ts';
import type { LocalProcess } from './local-process.ts';
import { Mailbox } from './mailbox.ts';

/** Time for the messages that came before a stop, and again for `cleanup`. */
const DRAIN_MS = 4_000;

/** What the spawner says about an actor. */
export interface CellSpec {
  /** Of the mesh, unique in the program. */
  readonly mesh: string;
  readonly name: string;
  readonly point: Point<string>;
  /** Process of the owner. */
  readonly owner: string;
}

/** An actor in this process: its mailbox, its life, and what it owns. */
export class Cell implements Owner {
  readonly name: string;
  readonly owned = new Set<Owned>();
  readonly endpoints: ReadonlyMap<string, AnyEndpoint>;
  readonly #process: LocalProcess;
  readonly #spec: CellSpec;
  readonly #actor: Actor;
  readonly #mailbox: Mailbox;
  readonly #running = new Set<IncomingCall>();
  readonly #ending = new AbortController();
  readonly #scope: Scope;
  /** There may be something to clean up. */
  #setup: Promise<void> | undefined;
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
    this.name = `${spec.name}/${spec.point.rank}`;
    this.#process = process;
    this.#spec = spec;
    this.#mailbox = new Mailbox(process.clock);
    const signal = this.#ending.signal;
    const context = Object.assign(Object.create(process.place), { point: spec.point, signal });
    this.#scope = { program: process.program, owner: this, context };
    this.#actor = runIn(this.#scope, () => new type(...args));
    this.endpoints = endpointsOf(this.#actor);
  }

  get ended(): string | undefined {
    return this.#end?.message;
  }

  /** Runs the actor's setup, then opens its mailbox. */
  async setup(): Promise<void> {
    this.#setup = runIn(this.#scope, async () => await this.#actor.setup?.());
    await this.#setup;
    this.#mailbox.open();
  }

  receive(call: IncomingCall): void {
    if (this.#end !== undefined) return void call.reply('failure', this.#process.encodeError(this.#end));
    const method = this.endpoints.get(call.endpoint);
    if (method === undefined || (method[endpointBrand] === 'stream') !== call.streams) {
      const problem = `it has no ${call.streams ? 'stream ' : ''}endpoint '${call.endpoint}'.`;
      return void call.reply('error', this.#process.encode(new ActorClassError(this.#actor.constructor.name, problem)));
    }
    this.#mailbox.post(call.endpoint, method[endpointOptions].concurrency ?? 1, () => this.#run(call, method));
  }

  async #run(call: IncomingCall, method: AnyEndpoint): Promise<void> {
    if (call.aborted) return call.discard();
    if (this.#end !== undefined && this.#end.kind !== 'aborted')
      return call.reply('failure', this.#process.encodeError(this.#end));
    this.#running.add(call);
    try {
      const args = this.#process.exchange.decode(call.payload);
      if (!Array.isArray(args)) throw new DecodeError('its arguments are no list.');
      const scope = {
        program: this.#process.program,
        owner: this,
        context: new MessageContext(call, this.#process.place),
      };
      if (call.streams) await runIn(scope, () => this.#stream(call, method(...args)));
      else call.reply('value', this.#process.encode(await runIn(scope, () => method(...args))));
    } catch (error) {
      if (call.id === undefined) this.#broadcastFailed(call.endpoint, error);
      else call.reply('error', this.#process.encodeError(error));
    } finally {
      this.#running.delete(call);
    }
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
        call.item(this.#process.encode(next.value));
      }
      call.discard();
    } catch (error) {
      // Also when an item could not be sent: the generator must not be left half way.
      await iterator.return?.();
      throw error;
    }
    await iterator.return?.();
  }

  #broadcastFailed(endpoint: string, cause: unknown): void {
    const { name, point } = this.#spec;
    const problem = `failed: its endpoint '${endpoint}' threw in a broadcast: ${reasonText(cause)}`;
    this.fail(new MeshFailure({ mesh: name, points: [point], kind: 'exception', problem, cause }));
  }

  /** Ends it because something is broken; its owner is told. */
  fail(failure: MeshFailure): void {
    if (this.#end !== undefined) return;
    this.#end = failure;
    for (const call of this.#running) {
      call.reply('failure', this.#process.encodeError(failure));
      call.abort(failure);
    }
    this.#process.tellOwner(this.#spec, failure);
    this.#ended = this.#finish(failure.message);
  }

  /** Ends it in order: messages that came before are handled, what it owns is stopped, then it cleans up. */
  async stop(reason: string): Promise<MeshFailure> {
    const { name, point } = this.#spec;
    if (this.#ended === undefined || this.#end === undefined) {
      this.#end = new MeshFailure({ mesh: name, points: [point], kind: 'aborted', problem: `was stopped: ${reason}` });
      for (const call of this.#running) call.abort(new CallAbortedError(this.name, call.endpoint, reason));
      this.#ended = this.#finish(reason);
    }
    await this.#ended;
    return this.#end;
  }

  async supervise(failure: MeshFailure): Promise<void> {
    if (this.#end !== undefined) return;
    let cause: unknown = failure;
    try {
      if (await runIn(this.#scope, () => this.#actor.supervise?.(failure))) return;
    } catch (error) {
      cause = new AggregateError([error, failure], `supervise of ${this.name} threw: ${reasonText(error)}`);
    }
    const { name, point } = this.#spec;
    const { kind, process, chain } = failure;
    const problem = `failed with what it owns: ${reasonText(cause)}`;
    const climbed = { mesh: name, points: [point], kind, process, problem, chain: [...chain, this.name], cause };
    this.fail(new MeshFailure(climbed));
  }

  async #finish(reason: string): Promise<void> {
    this.#ending.abort(new CallAbortedError(this.name, 'this actor', reason));
    const drained = Promise.allSettled([this.#setup]).then(async () => {
      this.#mailbox.open();
      await this.#mailbox.idle();
    });
    await within(this.#process.clock, DRAIN_MS, drained);
    for (const call of this.#running) call.reply('failure', this.#process.encodeError(this.#end));
    await stopOwned(this, reason);
    if (this.#setup === undefined) return;
    try {
      const cleaned = runIn(this.#scope, async () => await this.#actor.cleanup?.());
      await within(this.#process.clock, DRAIN_MS, cleaned);
    } catch (error) {
      const trace = error instanceof Error ? error.stack : String(error);
      this.#process.platform.write('stderr', `${this.name}: cleanup failed: ${trace}\n`);
    }
  }
}
