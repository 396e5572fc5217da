import { type CallError, DecodeError } from '../errors.ts';
import type { Payload } from '../wire/codec.ts';
import type { Message } from '../wire/message.ts';
import { type Caller, type Member, PendingCall, type Request } from './pending-call.ts';

/** A call with one answer. */
export class UnaryCall extends PendingCall {
  readonly result: Promise<unknown>;
  // Set by the executor, which runs before the constructor returns.
  #resolve!: (value: unknown) => void;
  #reject!: (error: CallError) => void;

  constructor(caller: Caller, member: Member, request: Request) {
    super(caller, member, request);
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
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
    if (error === undefined) this.#resolve(value);
    else this.#reject(error);
  }

  protected override fail(error: CallError): void {
    this.#reject(error);
  }
}
