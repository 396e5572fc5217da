import { Queue } from '../collections/queue.ts';
import type { Clock } from '../time/clock.ts';

/** Time that messages may run back to back before timers and sockets get a turn. */
const TURN_MS = 10;
/** An idle actor's share of memory is small beside what waits for a busy one: these are there to stop a flood. */
const MAX_MESSAGES = 100_000;
const MAX_BYTES = 2 ** 30;
const NO_LIMITS: MailboxLimits = {};

/** How much may wait for an actor; what comes then is refused. */
export interface MailboxLimits {
  /** @default 100_000 */
  readonly maxMessages?: number;
  /** Of arguments. The only message that waits may be larger. @default 1 GiB */
  readonly maxBytes?: number;
}

/** A message as a mailbox knows it. */
export interface Letter {
  /** Of its arguments. */
  readonly byteLength: number;
}

/** Whoever handles what comes in. */
export interface Reader<L extends Letter> {
  /** Must never throw or reject. `undefined`: it is handled. */
  handle(letter: L): Promise<void> | undefined;
}

/** Letters that are handled in order of arrival, so many at a time. */
export class Lane<L extends Letter> {
  readonly concurrency: number;
  running = 0;
  #waiting: Queue<L> | undefined;

  constructor(concurrency: number) {
    this.concurrency = concurrency;
  }

  /** Made when one has to wait: most lanes of many are idle. */
  get waiting(): Queue<L> {
    this.#waiting ??= new Queue();
    return this.#waiting;
  }

  get isEmpty(): boolean {
    return this.#waiting === undefined || this.#waiting.size === 0;
  }
}

/** The messages of one actor. Those of one lane wait for each other, lanes never do. */
export class Mailbox<L extends Letter> {
  readonly #clock: Clock;
  readonly #reader: Reader<L>;
  readonly #limits: MailboxLimits;
  /** Over all lanes. */
  #waiting = 0;
  #waitingBytes = 0;
  /** The lane of all that run one at a time. */
  readonly #serial = new Lane<L>(1);
  #others: readonly Lane<L>[] = [];
  #open = false;
  #idle: (() => void)[] | undefined;
  #turnStarted = 0;

  constructor(clock: Clock, reader: Reader<L>, limits: MailboxLimits = NO_LIMITS) {
    this.#clock = clock;
    this.#reader = reader;
    this.#limits = limits;
  }

  /** How much waits. */
  get load(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#waiting, bytes: this.#waitingBytes };
  }

  /** The serial lane for letters of concurrency 1, a lane of their own for others. */
  lane(concurrency: number): Lane<L> {
    if (concurrency === 1) return this.#serial;
    const lane = new Lane<L>(concurrency);
    this.#others = [...this.#others, lane];
    return lane;
  }

  /** Adds a letter; `false` when it would have to wait, and too much does. Before {@link open} letters wait. */
  post(lane: Lane<L>, letter: L): boolean {
    // What starts at once does not wait: an endpoint with its own lane is reached even when the serial one is full.
    if (this.#open && lane.running < lane.concurrency && lane.isEmpty) {
      if (this.#handle(lane, letter)) this.#advance(lane);
      return true;
    }
    if (this.#isFull(letter)) return false;
    lane.waiting.push(letter);
    this.#waiting++;
    this.#waitingBytes += letter.byteLength;
    return true;
  }

  #isFull({ byteLength }: Letter): boolean {
    const { maxMessages = MAX_MESSAGES, maxBytes = MAX_BYTES } = this.#limits;
    if (this.#waiting >= maxMessages) return true;
    return this.#waiting > 0 && this.#waitingBytes + byteLength > maxBytes;
  }

  /** Starts what has come in so far. */
  open(): void {
    this.#open = true;
    for (const lane of [this.#serial, ...this.#others]) this.#advance(lane);
  }

  /** Resolves when nothing waits and nothing runs. */
  async idle(): Promise<void> {
    if (this.#isIdle()) return;
    const idle = Promise.withResolvers<void>();
    this.#idle ??= [];
    this.#idle.push(idle.resolve);
    await idle.promise;
  }

  /** Starts what waits in a lane, as far as it may run. */
  #advance(lane: Lane<L>): void {
    while (lane.running < lane.concurrency && !lane.isEmpty) {
      // It is not empty.
      const letter = lane.waiting.shift()!;
      this.#waiting--;
      this.#waitingBytes -= letter.byteLength;
      if (!this.#handle(lane, letter)) return;
    }
  }

  /** Has a letter handled; `false` when the next of the lane has to wait for its turn, or there is none. */
  #handle(lane: Lane<L>, letter: L): boolean {
    lane.running++;
    const handled = this.#reader.handle(letter);
    if (handled === undefined) return this.#mayGoOn(lane);
    void handled.then(() => {
      if (this.#mayGoOn(lane)) this.#advance(lane);
    });
    return true;
  }

  /** A letter of a lane is handled; `false` when the next has to wait for its turn, or there is none. */
  #mayGoOn(lane: Lane<L>): boolean {
    lane.running--;
    if (lane.isEmpty) {
      if (this.#idle !== undefined && this.#isIdle()) for (const resolve of this.#idle.splice(0)) resolve();
      return false;
    }
    if (this.#clock.now() - this.#turnStarted < TURN_MS) return true;
    this.#clock.soon(() => {
      this.#turnStarted = this.#clock.now();
      this.#advance(lane);
    });
    return false;
  }

  #isIdle(): boolean {
    return [this.#serial, ...this.#others].every(({ isEmpty, running }) => isEmpty && running === 0);
  }
}
