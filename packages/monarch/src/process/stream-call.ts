import { type CallError, DecodeError } from '../errors.ts';
import { EMPTY, type Payload } from '../wire/codec.ts';
import type { Message } from '../wire/message.ts';
import { type Caller, type Member, PendingCall, type Request } from './pending-call.ts';

/** Items an actor may send ahead of its consumer. */
const STREAM_CREDIT = 16;

/** What a stream tells its consumer. */
export interface StreamEvents {
  readonly onItem: (value: unknown) => void;
  readonly onEnd: (error: CallError | undefined) => void;
}

/** A call with many answers, sent only as fast as they are consumed. */
export class StreamCall extends PendingCall {
  readonly #events: StreamEvents;
  #consumed = 0;

  constructor(caller: Caller, member: Member, request: Request & { readonly events: StreamEvents }) {
    super(caller, member, request);
    this.#events = request.events;
  }

  /** The consumer took an item: the actor may send another. */
  consumed(): void {
    // Granted in halves of the window: one message for eight items, and never a stall.
    if (++this.#consumed < STREAM_CREDIT / 2) return;
    this.caller.exchange.send(this.target.peer, { message: ['credit', this.id, this.#consumed], payload: EMPTY });
    this.#consumed = 0;
  }

  protected override message({ heading, rank }: Request, timeoutMs: number, carrier: string | undefined): Message {
    return ['stream', this.id, this.target.actor, heading, rank, timeoutMs, carrier, STREAM_CREDIT];
  }

  override answer(kind: 'value' | 'error' | 'failure' | 'item' | 'end', payload: Payload): void {
    if (kind === 'error' || kind === 'failure') {
      this.failWith(kind, payload);
      return;
    }
    if (kind === 'end') {
      if (this.finish()) this.#events.onEnd(undefined);
      return;
    }
    const value = this.decode(payload);
    if (value instanceof DecodeError) this.abort(value);
    else this.#events.onItem(value);
  }

  protected override fail(error: CallError): void {
    this.#events.onEnd(error);
  }
}
