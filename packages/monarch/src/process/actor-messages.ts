import type { Actor } from '../actor/actor.ts';
import { type Context, runIn } from '../actor/context.ts';
import type { EndpointInput } from '../actor/endpoint.ts';
import { validate } from '../actor/validation.ts';
import {
  ActorClassError,
  ArgumentError,
  CallAbortedError,
  DecodeError,
  type MeshFailure,
  OverflowError,
} from '../errors.ts';
import { ActorCounters } from '../seeing/actor-counters.ts';
import type { ActorEvent } from '../seeing/channels.ts';
import { Handling } from '../seeing/handling.ts';
import type { ActorReport } from '../seeing/process-report.ts';
import type { Owner } from '../supervision/owner.ts';
import type { IncomingCall } from './incoming-call.ts';
import type { LocalProcess } from './local-process.ts';
import { Mailbox, type MailboxLimits, type Reader } from './mailbox.ts';
import { MessageScope } from './message-scope.ts';
import { type Served, serve } from './served.ts';

type Method = (...args: readonly unknown[]) => unknown;

/** The actor whose messages they are. */
export interface Recipient extends Owner {
  readonly context: Context;
  /** It is broken: what it has not begun is not handled any more. */
  readonly broken: MeshFailure | undefined;
  readonly event: ActorEvent;
  /** A broadcast could not be handled, which no caller is told. */
  failedAt(kind: 'exception' | 'overflow', what: string, cause: unknown): void;
}

/** The messages of one actor, each from its arrival to its reply. */
export class ActorMessages implements Reader<Handling> {
  readonly #process: LocalProcess;
  readonly #recipient: Recipient;
  readonly #actor: Actor;
  readonly #mailbox: Mailbox<Handling>;
  readonly #counters: ActorCounters;
  /** The endpoints that were called: so few that a Map would take longer, and more memory. */
  #served: readonly Served[] = [];
  /** The message whose endpoint is on the stack. */
  #current: IncomingCall | undefined;
  /** Those whose endpoints are waiting for something; made when there is one. */
  #pending: Set<IncomingCall> | undefined;

  constructor(process: LocalProcess, recipient: Recipient, actor: Actor, limits?: MailboxLimits) {
    this.#process = process;
    this.#recipient = recipient;
    this.#actor = actor;
    this.#mailbox = new Mailbox(process.clock, this, limits);
    this.#counters = new ActorCounters(process, recipient);
  }

  /** Begins with what has come so far. */
  open(): void {
    this.#mailbox.open();
  }

  /** Resolves when nothing waits and nothing runs. */
  async idle(): Promise<void> {
    await this.#mailbox.idle();
  }

  report(): Pick<ActorReport, 'mailboxLength' | 'mailboxHighWater' | 'lastError' | 'endpoints'> {
    const endpoints = this.#served.map(({ name, counters }) => counters.report(name));
    return { ...this.#counters.report(), endpoints };
  }

  /** Those that run are told that nobody will use what they do. */
  abort(reason: string): void {
    for (const call of this.#running()) call.abort(new CallAbortedError(this.#recipient.name, call.endpoint, reason));
  }

  /** Those that run are answered by a failure, whatever they come to. */
  fail(failure: MeshFailure, isBroken: boolean): void {
    for (const call of this.#running()) {
      call.reply('failure', this.#process.encodeError(failure));
      if (isBroken) call.abort(failure);
    }
  }

  receive(call: IncomingCall): void {
    const served = this.#serve(call.endpoint);
    if (served === undefined || served.streams !== call.streams) {
      const problem = `it has no ${call.streams ? 'stream ' : ''}endpoint '${call.endpoint}'.`;
      return void call.reply('error', this.#process.encode(new ActorClassError(this.#actor.constructor.name, problem)));
    }
    const handling = new Handling(call, served, this.#counters);
    if (this.#mailbox.post(served.lane, handling)) return;
    const overflow = new OverflowError(this.#recipient.name, this.#mailbox.load);
    handling.refused(overflow);
    if (call.id === undefined) this.#recipient.failedAt('overflow', `lost a broadcast of '${call.endpoint}'`, overflow);
    else call.reply('failure', this.#process.encode(overflow));
  }

  /** Runs a message whose turn has come. One whose endpoint is no promise is answered before this returns. */
  handle(handling: Handling): Promise<void> | undefined {
    handling.started();
    this.#current = handling.call;
    let pending: Promise<void> | undefined;
    try {
      pending = this.#begin(handling);
    } catch (error) {
      this.#threw(handling, error);
    }
    this.#current = undefined;
    if (pending !== undefined) return this.#settle(handling, pending);
    this.#ended(handling);
    return undefined;
  }

  #serve(name: string): Served | undefined {
    for (const known of this.#served) if (known.name === name) return known;
    const served = serve(this.#actor, name, this.#mailbox);
    if (served !== undefined) this.#served = this.#served.concat(served);
    return served;
  }

  #running(): readonly IncomingCall[] {
    const pending = [...(this.#pending ?? [])];
    return this.#current === undefined ? pending : [...pending, this.#current];
  }

  #begin(handling: Handling): Promise<void> | undefined {
    const { call, served } = handling;
    if (call.aborted) return void call.discard();
    const { broken } = this.#recipient;
    if (broken !== undefined) return void call.reply('failure', this.#process.encodeError(broken));
    call.holdsLane = served.isSerial;
    const args = this.#process.exchange.decode(call.payload);
    if (!Array.isArray(args)) throw new DecodeError('its arguments are no list.');
    if (served.input !== undefined) return this.#checked(handling, served.input, args);
    return this.#run(handling, served.method, args);
  }

  async #settle(handling: Handling, pending: Promise<void>): Promise<void> {
    this.#pending ??= new Set();
    this.#pending.add(handling.call);
    try {
      await pending;
    } catch (error) {
      this.#threw(handling, error);
    }
    this.#pending.delete(handling.call);
    this.#ended(handling);
  }

  #run(handling: Handling, method: Method, args: readonly unknown[]): Promise<void> | undefined {
    const { call } = handling;
    const scope = new MessageScope(this.#process.program, this.#recipient, call);
    const span = handling.beginSpan();
    if (call.streams) {
      const consume = () => this.#stream(call, method(...args));
      return span === undefined ? runIn(scope, consume) : span.run(() => runIn(scope, consume));
    }
    const result = span === undefined ? runIn(scope, method, ...args) : span.run(() => runIn(scope, method, ...args));
    if (isThenable(result)) return Promise.resolve(result).then((value) => this.#answer(call, value));
    this.#answer(call, result);
    return undefined;
  }

  #answer(call: IncomingCall, value: unknown): void {
    // What nobody gets is not copied.
    if (call.isAwaited) call.reply('value', this.#process.encode(value, { to: [call.line] }));
    else call.discard();
  }

  #threw(handling: Handling, error: unknown): void {
    const { call } = handling;
    handling.threw(error);
    if (call.id !== undefined) call.reply('error', this.#process.encodeError(error));
    else this.#recipient.failedAt('exception', `its endpoint '${call.endpoint}' threw in a broadcast`, error);
  }

  #ended(handling: Handling): void {
    handling.call.holdsLane = false;
    handling.ended();
  }

  /** Runs it with the arguments as the schemas made them. When they refuse, the caller is told. */
  async #checked(handling: Handling, { schemas, method }: EndpointInput, decoded: readonly unknown[]): Promise<void> {
    const result = await validate(schemas, decoded);
    if ('args' in result) return await this.#run(handling, method, result.args);
    const { call } = handling;
    const refusal = new ArgumentError(this.#recipient.name, call.endpoint, result.issues);
    handling.threw(refusal);
    // A broadcast that is refused has changed nothing, so the actor lives.
    if (call.id === undefined) this.#process.platform.write('stderr', `A broadcast is dropped: ${refusal.message}\n`);
    else call.reply('failure', this.#process.encode(refusal));
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
}

/** What `await` would wait for. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'then') === 'function';
}
