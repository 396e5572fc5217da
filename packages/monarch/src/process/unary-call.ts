import { type CallError, DecodeError } from '../errors.ts';
import type { Payload } from '../wire/codec.ts';
import type { Message } from '../wire/message.ts';
import { type Caller, type Member, PendingCall, type Request } from './pending-call.ts';

/** How a call ended. */
export type Ended = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: CallError };

/** Is told the end of a call, once, and the rank that was called. */
export type OnEnded = (ended: Ended, rank: number) => void;

/** A call with one answer. */
export class UnaryCall extends PendingCall {
  readonly #rank: number;
  readonly #onEnded: OnEnded;

  constructor(caller: Caller, member: Member, request: Request, onEnded: OnEnded) {
    super(caller, member, request);
    this.#rank = request.rank;
    this.#onEnded = onEnded;
  }

  protected override message({ heading, rank }: Request, timeoutMs: number, carrier: string | undefined): Message {
    return ['call', this.id, this.target.actor, heading, rank, timeoutMs, carrier];
  }

  override answer(kind: 'value' | 'error' | 'failure' | 'item' | 'end', payload: Payload): void {
    if (kind === 'error' || kind === 'failure') {
      this.failWith(kind, payload);
      return;
    }
    const value = this.decode(payload);
    const { mesh, point } = this.member;
    const error = value instanceof DecodeError ? this.error(mesh, point, value) : undefined;
    if (!this.finish(error)) return;
    if (error === undefined) this.#onEnded({ ok: true, value }, this.#rank);
    else this.fail(error);
  }

  protected override fail(error: CallError): void {
    this.#onEnded({ ok: false, error }, this.#rank);
  }
}

/** Sends a call whose answer is all that is wanted of it. Rejects with what makes the request throw, too. */
export function answerOf(caller: Caller, member: Member, request: Request): Promise<unknown> {
  return new Promise((resolve, reject) => {
    new UnaryCall(caller, member, request, (ended) => (ended.ok ? resolve(ended.value) : reject(ended.error)));
  });
}
