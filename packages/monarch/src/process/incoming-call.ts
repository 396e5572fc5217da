import { CallAbortedError } from '../errors.ts';
import type { Point } from '../mesh/extent.ts';
import type { Payload } from '../wire/codec.ts';
import { type Position, pointOf } from '../wire/message.ts';
import type { Incoming, Line, RequestMessage } from './exchange.ts';

const CANCELLED = { timeout: 'its deadline passed.', abort: 'the caller cancelled it.', gone: 'the caller is gone.' };

/** One message to an actor of this process, from its arrival to its reply. */
export class IncomingCall implements Incoming {
  readonly line: Line;
  /** `undefined`: a broadcast, nobody waits. */
  readonly id: number | undefined;
  readonly endpoint: string;
  readonly payload: Payload;
  readonly streams: boolean;
  readonly #position: Position;
  #credit: number;
  #onCredit = () => {};
  #reason: Error | undefined;
  #controller: AbortController | undefined;

  constructor(line: Line, message: RequestMessage, payload: Payload) {
    const isCast = message[0] === 'cast';
    this.line = line;
    this.streams = message[0] === 'stream';
    this.payload = payload;
    this.id = isCast ? undefined : message[1];
    this.endpoint = isCast ? message[2] : message[3];
    this.#position = isCast ? message[3] : message[4];
    this.#credit = message[0] === 'stream' ? message[5] : 0;
    if (this.id !== undefined) line.running.set(this.id, this);
  }

  get aborted(): boolean {
    return this.#reason !== undefined;
  }

  /** Made when first asked for: most endpoints never ask. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get point(): Point<string> {
    return pointOf(this.#position);
  }

  cancel(why: 'timeout' | 'abort' | 'gone'): void {
    const reason = new CallAbortedError('this actor', this.endpoint, CANCELLED[why]);
    this.abort(reason);
  }

  abort(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.#onCredit();
  }

  grant(credit: number): void {
    this.#credit += credit;
    this.#onCredit();
  }

  /** Waits until the consumer can take an item; `false` when it wants no more. */
  async credit(): Promise<boolean> {
    while (this.#credit === 0 && !this.aborted) {
      await new Promise<void>((resolve) => {
        this.#onCredit = resolve;
      });
    }
    this.#credit--;
    return !this.aborted;
  }

  /** Sends one item of a stream. */
  item(payload: Payload): void {
    if (this.id !== undefined) this.line.reply(['item', this.id], payload);
  }

  /** Ends it without a word, for a caller that has given up. */
  discard(): void {
    if (this.id !== undefined) this.line.running.delete(this.id);
  }

  /** Ends it. Nothing is sent for it afterwards. */
  reply(kind: 'value' | 'error' | 'failure' | 'end', payload?: Payload): void {
    if (this.id === undefined || !this.line.running.delete(this.id)) return;
    this.line.reply([kind, this.id], payload);
  }
}
