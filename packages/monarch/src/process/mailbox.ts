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

interface Lane<L> {
  readonly concurrency: number;
  readonly waiting: Queue<L>;
  running: number;
}

/**
 * The messages of one actor. Endpoints of concurrency 1 share one lane, strictly one after the other; any other
 * endpoint has its own. Within a lane letters are handled in order of arrival; lanes never wait for each other.
 */
export class Mailbox<L extends Letter> {
  readonly #clock: Clock;
  readonly #reader: Reader<L>;
  readonly #limits: MailboxLimits;
  /** Over all lanes. */
  #waiting = 0;
  #waitingBytes = 0;
  // Made with the first message: most actors of many are idle.
  #lanes: Map<string, Lane<L>> | undefined;
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

  /** Adds a letter; `false` when it would have to wait, and too much does. Before {@link open} letters wait. */
  post(endpoint: string, concurrency: number, letter: L): boolean {
    const name = concurrency === 1 ? '' : endpoint;
    this.#lanes ??= new Map();
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = { concurrency, waiting: new Queue(), running: 0 };
      this.#lanes.set(name, lane);
    }
    // What starts at once does not wait: an endpoint with its own lane is reached even when the serial one is full.
    const starts = this.#open && lane.running < lane.concurrency;
    if (!starts && this.#isFull(letter)) return false;
    lane.waiting.push(letter);
    this.#waiting++;
    this.#waitingBytes += letter.byteLength;
    if (this.#open) this.#advance(lane);
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
    for (const lane of this.#lanes?.values() ?? []) this.#advance(lane);
  }

  /** Resolves when nothing waits and nothing runs. */
  async idle(): Promise<void> {
    if (this.#isIdle()) return;
    const idle = Promise.withResolvers<void>();
    this.#idle ??= [];
    this.#idle.push(idle.resolve);
    await idle.promise;
  }

  #advance(lane: Lane<L>): void {
    while (lane.running < lane.concurrency) {
      const letter = lane.waiting.shift();
      if (letter === undefined) return;
      lane.running++;
      this.#waiting--;
      this.#waitingBytes -= letter.byteLength;
      const handled = this.#reader.handle(letter);
      if (handled === undefined) {
        if (!this.#mayGoOn(lane)) return;
      } else {
        void handled.then(() => {
          if (this.#mayGoOn(lane)) this.#advance(lane);
        });
      }
    }
  }

  /** A letter of a lane is handled; `false` when the next has to wait for its turn, or there is none. */
  #mayGoOn(lane: Lane<L>): boolean {
    lane.running--;
    if (lane.waiting.size === 0) {
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
    return [...(this.#lanes?.values() ?? [])].every(({ waiting, running }) => waiting.size === 0 && running === 0);
  }
}
