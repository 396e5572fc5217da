import { CallAbortedError } from '../errors.ts';
import type { Point } from '../mesh/extent.ts';
import type { Clock } from '../time/clock.ts';
import { byteLengthOf, type Payload } from '../wire/codec.ts';
import type { Heading } from '../wire/heading.ts';
import type { Incoming, Line, RequestMessage } from './line.ts';

const NOBODY = () => {};

const CANCELLED = { timeout: 'its deadline passed.', abort: 'the caller cancelled it.', gone: 'the caller is gone.' };

/** A call made for a message, cancelled with it. */
export interface Nested {
  abort(reason: unknown): void;
}

/** One message to an actor of this process, from its arrival to its reply. */
export class IncomingCall implements Incoming {
  readonly line: Line;
  /** `undefined`: a broadcast, nobody waits. */
  readonly id: number | undefined;
  readonly payload: Payload;
  readonly streams: boolean;
  readonly actor: number;
  /** It is handled, in the serial lane of its actor. */
  holdsLane = false;
  /** The span within which it was made. */
  readonly carrier: string | undefined;
  readonly #heading: Heading;
  readonly #rank: number;
  #credit = 0;
  #onCredit: () => void = NOBODY;
  #reason: Error | undefined;
  #controller: AbortController | undefined;
  readonly #clock: Clock;
  /** On the clock of this process. */
  readonly #deadline: number;
  #stopClock: (() => void) | undefined;
  #nested: Set<Nested> | undefined;
  /** It has been answered, or given up. */
  #isOver = false;
  /** Nobody waits for its answer. */
  #isUnheard = false;
  /** Whoever cancels it finds it. */
  #isKept = false;

  constructor(clock: Clock, line: Line, message: RequestMessage, payload: Payload) {
    this.line = line;
    this.#clock = clock;
    this.payload = payload;
    this.streams = message[0] === 'stream';
    if (message[0] === 'cast') {
      [, this.actor, this.#heading, this.#rank, this.carrier] = message;
      this.#deadline = Number.POSITIVE_INFINITY;
    } else {
      const [, id, actor, heading, rank, timeoutMs, carrier] = message;
      this.id = id;
      this.actor = actor;
      this.#heading = heading;
      this.#rank = rank;
      this.carrier = carrier;
      this.#deadline = timeoutMs > 0 ? clock.now() + timeoutMs : Number.POSITIVE_INFINITY;
      if (message[0] === 'stream') this.#credit = message[7];
    }
  }

  /** Lets it be cancelled, when it was not answered at once. */
  keep(): void {
    if (this.#isOver || this.id === undefined) return;
    this.#isKept = true;
    this.line.running.set(this.id, this);
    if (!this.line.isOpen) this.cancel('gone');
  }

  /** Somebody waits for its answer. */
  get isAwaited(): boolean {
    return this.id !== undefined && !this.#isUnheard;
  }

  /** Of its arguments. */
  get byteLength(): number {
    return byteLengthOf(this.payload);
  }

  /** Nobody waits for its answer any more. */
  get aborted(): boolean {
    // The caller may be cut off, and its word that the time is up with it.
    if (this.#deadline !== Number.POSITIVE_INFINITY && this.#clock.now() >= this.#deadline) this.cancel('timeout');
    return this.#reason !== undefined;
  }

  /** Makes a call part of this message: while it is handled, the call is cancelled when its own caller gives up. */
  link(call: Nested): void {
    if (this.#isOver || this.#reason !== undefined) return;
    this.#watchDeadline();
    this.#nested ??= new Set();
    this.#nested.add(call);
  }

  unlink(call: Nested): void {
    this.#nested?.delete(call);
  }

  /** Made when first asked for: most endpoints never ask. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      this.#watchDeadline();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get endpoint(): string {
    return this.#heading.endpoint;
  }

  /** @throws {ExtentError} when its rank is outside of the mesh. */
  get point(): Point<string> {
    return this.#heading.extent.point(this.#rank);
  }

  /** The caller has given up, or is about to, since its clock started first: it gets no answer. */
  cancel(why: 'timeout' | 'abort' | 'gone'): void {
    this.#silence();
    const reason = new CallAbortedError('this actor', this.endpoint, CANCELLED[why]);
    this.abort(reason);
    for (const call of this.#nested ?? []) call.abort(reason);
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
    this.#end();
    this.#silence();
  }

  /** Ends it. Nothing is sent for it afterwards. */
  reply(kind: 'value' | 'error' | 'failure' | 'end', payload?: Payload): void {
    this.#end();
    if (this.id === undefined || !this.isAwaited) return;
    this.#silence();
    this.line.reply([kind, this.id], payload);
  }

  /** Nothing is sent for it from now on. */
  #silence(): void {
    this.#isUnheard = true;
    if (this.#isKept && this.id !== undefined) this.line.running.delete(this.id);
  }

  /** From now on what it called is on its own. */
  #end(): void {
    this.#isOver = true;
    this.#nested = undefined;
    this.#stopClock?.();
    this.#stopClock = undefined;
  }

  /** Started when somebody depends on it: most messages are answered long before. */
  #watchDeadline(): void {
    if (this.#isOver || this.#stopClock !== undefined || this.#deadline === Number.POSITIVE_INFINITY) return;
    this.#stopClock = this.#clock.after(this.#deadline - this.#clock.now(), () => this.cancel('timeout'));
  }
}
