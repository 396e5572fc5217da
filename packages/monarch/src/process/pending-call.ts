import { scopeIfAny } from '../actor/context.ts';
import {
  ActorError,
  ArgumentError,
  CallAbortedError,
  type CallError,
  CallTimeoutError,
  DecodeError,
  MeshFailure,
  OverflowError,
  SelfCallError,
} from '../errors.ts';
import type { Point } from '../mesh/extent.ts';
import { type Adverb, beginClientSpan, type OpenSpan } from '../seeing/spans.ts';
import type { Clock } from '../time/clock.ts';
import { EMPTY, type Payload } from '../wire/codec.ts';
import type { Heading } from '../wire/heading.ts';
import type { Message } from '../wire/message.ts';
import type { Exchange, Outgoing } from './exchange.ts';
import type { IncomingCall } from './incoming-call.ts';
import type { Loss } from './peer.ts';
import type { Target } from './target.ts';

/** One actor of a mesh: where it is, and where it stands in the mesh that was spawned. */
export interface Member {
  readonly target: Target;
  readonly mesh: string;
  readonly point: Point<string>;
}

/** What is sent to one member. */
export interface Request {
  readonly heading: Heading;
  /** The member's place in the slice that is messaged. */
  readonly rank: number;
  /** How it was called; `undefined` for what processes ask each other, which is not traced. */
  readonly adverb?: Adverb | undefined;
  readonly payload: Payload;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** It needs the serial lane of the actor. */
  readonly isSerial?: boolean;
}

/** Errors of the runtime at the actor, which reach the caller as they are. */
function isOfRuntime(error: unknown): error is MeshFailure | OverflowError | ArgumentError {
  return error instanceof MeshFailure || error instanceof OverflowError || error instanceof ArgumentError;
}

/** What calls need of the process they are sent from. */
export interface Caller {
  readonly exchange: Exchange;
  readonly clock: Clock;
}

/** A call from its sending to its end, whichever of answer, loss, deadline and abort comes first. */
export abstract class PendingCall implements Outgoing {
  target: Target;
  protected readonly id: number;
  protected readonly caller: Caller;
  protected readonly member: Member;
  readonly #request: Request;
  readonly #stopClock: (() => void) | undefined;
  readonly #onAbort: (() => void) | undefined;
  /** The message that this call is made for. */
  readonly #within: IncomingCall | undefined;
  readonly #span: OpenSpan | undefined;
  #settled = false;
  #isSent = false;

  constructor(caller: Caller, member: Member, request: Request) {
    this.caller = caller;
    this.member = member;
    this.target = member.target.current;
    this.#request = request;
    this.id = caller.exchange.register(this);
    const { timeoutMs = 0, signal, adverb } = request;
    const { endpoint } = request.heading;
    const { mesh, point } = member;
    // What the runtime asks of a process must not be cut half way: a spawn that is cancelled is still undone.
    this.#within = this.target.actor === 0 ? undefined : scopeIfAny()?.message;
    this.#span = adverb === undefined ? undefined : beginClientSpan({ mesh, rank: point.rank, endpoint, adverb });
    if (timeoutMs > 0) {
      const name = `${mesh}/${point.rank}`;
      this.#stopClock = caller.clock.after(timeoutMs, () => {
        this.#cancel('timeout', new CallTimeoutError(name, endpoint, timeoutMs));
      });
    }
    if (signal !== undefined) {
      this.#onAbort = () => this.abort(signal.reason);
      signal.addEventListener('abort', this.#onAbort);
    }
    if (signal?.aborted) queueMicrotask(() => this.abort(signal.reason));
    else if (this.#within !== undefined && request.isSerial && this.#isSelf(this.#within)) {
      queueMicrotask(() => this.#refuse(new SelfCallError(`${mesh}/${point.rank}`, endpoint)));
    } else {
      this.#within?.link(this);
      this.#start();
    }
  }

  /** Sends it; while the process of its target is restarted, it waits for that. */
  #start(): void {
    const { exchange } = this.caller;
    const { peer, loss } = this.target;
    if (loss === undefined) {
      this.#isSent = true;
      const { timeoutMs = 0, payload } = this.#request;
      const limitMs = timeoutMs <= Number.MAX_SAFE_INTEGER ? Math.ceil(timeoutMs) : 0;
      exchange.send(peer, { message: this.message(this.#request, limitMs, this.#span?.carrier), payload });
    } else if (loss.restarting !== true) {
      queueMicrotask(() => this.lose(loss));
    } else {
      peer.onSettled(() => {
        if (this.#settled) return;
        exchange.redirect(this, this.target.current);
        this.#start();
      });
    }
  }

  toString(): string {
    const { mesh, point, target } = this.member;
    return `${mesh}/${point.rank}.${this.#request.heading.endpoint} in process ${target.peer.id}`;
  }

  /** The message that starts it. */
  protected abstract message(request: Request, timeoutMs: number, carrier: string | undefined): Message;
  /** Its end by an error. Called once, last. */
  protected abstract fail(error: CallError): void;

  abstract answer(kind: 'value' | 'error' | 'failure' | 'item' | 'end', payload: Payload): void;

  lose(loss: Loss | MeshFailure): void {
    const { mesh, point } = this.member;
    const { target } = this;
    const failure =
      target.failure ?? (loss instanceof MeshFailure ? loss : new MeshFailure({ mesh, points: [point], ...loss }));
    // Actor 0 is the process: its calls are told as of many meshes.
    if (target.actor !== 0 && !failure.restarting) target.failure = failure;
    if (this.finish(failure)) this.fail(failure);
  }

  /** Cancels it on both sides. */
  abort(reason: unknown): void {
    const { mesh, point } = this.member;
    this.#cancel('abort', new CallAbortedError(`${mesh}/${point.rank}`, this.#request.heading.endpoint, reason));
  }

  /** Takes it off the books, with what it failed by; `false` when it was already. */
  protected finish(error?: CallError): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#stopClock?.();
    this.#within?.unlink(this);
    if (this.#onAbort !== undefined) this.#request.signal?.removeEventListener('abort', this.#onAbort);
    this.caller.exchange.forget(this.id, this);
    this.#span?.end(error);
    return true;
  }

  /** Ends it with what the other side said went wrong. */
  protected failWith(kind: 'error' | 'failure', payload: Payload): void {
    const { mesh, point } = this.member;
    const cause = this.decode(payload);
    if (kind === 'failure' && cause instanceof MeshFailure && !cause.restarting) this.target.failure ??= cause;
    const error = kind === 'failure' && isOfRuntime(cause) ? cause : this.error(mesh, point, cause);
    if (this.finish(error)) this.fail(error);
  }

  /** The value in a payload, or the error of decoding it. */
  protected decode(payload: Payload): unknown {
    try {
      return this.caller.exchange.decode(payload);
    } catch (error) {
      return error instanceof DecodeError ? error : new DecodeError('its value is damaged.', { cause: error });
    }
  }

  protected error(mesh: string, point: Point<string>, cause: unknown): ActorError {
    return new ActorError(mesh, point, this.#request.heading.endpoint, cause);
  }

  /** `message` holds the only lane in which this call could run. */
  #isSelf({ holdsLane, actor }: IncomingCall): boolean {
    return holdsLane && actor === this.target.actor && this.target.peer.id === this.caller.exchange.id;
  }

  #refuse(error: CallError): void {
    if (this.finish(error)) this.fail(error);
  }

  #cancel(why: 'timeout' | 'abort', error: CallError): void {
    if (!this.finish(error)) return;
    if (this.#isSent)
      this.caller.exchange.send(this.target.peer, { message: ['cancel', this.id, why], payload: EMPTY });
    this.fail(error);
  }
}
