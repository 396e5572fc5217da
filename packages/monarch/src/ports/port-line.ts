import { Queue } from '../collections/queue.ts';
import { OverflowError } from '../errors.ts';
import { extentOf } from '../mesh/extent.ts';
import type { LocalProcess } from '../process/local-process.ts';
import { byteLengthOf, type Payload } from '../wire/codec.ts';

/** Values that a process sends ahead of their receiver. */
const WINDOW = 64;
/** Bytes of them; a single one may be larger. */
const WINDOW_BYTES = 16 * 2 ** 20;
/** Values that wait here for their turn, sent by code that does not wait for it. */
const MAX_WAITING = 1_024;
const MAX_WAITING_BYTES = 64 * 2 ** 20;

const ABOUT = { mesh: 'port', point: extentOf({}).point(0) };

interface Waiting {
  readonly payload: Payload;
  readonly onSent: () => void;
}

/** What one process sends to one port: in order, and only as fast as it is received. */
export class PortLine {
  readonly #process: LocalProcess;
  readonly #node: string;
  readonly #onIdle: () => void;
  readonly #waiting = new Queue<Waiting>();
  #waitingBytes = 0;
  /** Sent and not yet received. */
  #ahead = 0;
  #aheadBytes = 0;
  #isClosed = false;

  /** Sends to ports of process `node`; `onIdle` is told when nothing is under way. */
  constructor(process: LocalProcess, node: string, onIdle: () => void) {
    this.#process = process;
    this.#node = node;
    this.#onIdle = onIdle;
  }

  /** Nobody receives there any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sends what the agent of the process takes. Resolves when it is on its way, or dropped. @throws {OverflowError} */
  async send(payload: Payload): Promise<void> {
    if (this.#isClosed) return;
    const bytes = byteLengthOf(payload);
    if (this.#waiting.size === 0 && this.#hasRoom(bytes)) {
      this.#post(payload, bytes);
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ payload, onSent: resolve });
    this.#waitingBytes += bytes;
    await promise;
  }

  /** @throws {OverflowError} when too much waits already. */
  checkRoom(): void {
    const [messages, bytes] = [this.#waiting.size, this.#waitingBytes];
    if (messages < MAX_WAITING && bytes < MAX_WAITING_BYTES) return;
    throw new OverflowError(`a port in process ${this.#node}`, { messages, bytes }, 'Await each send.');
  }

  #hasRoom(bytes: number): boolean {
    return this.#ahead === 0 || (this.#ahead < WINDOW && this.#aheadBytes + bytes <= WINDOW_BYTES);
  }

  #post(payload: Payload, bytes: number): void {
    this.#ahead++;
    this.#aheadBytes += bytes;
    const received = (isOpen: boolean) => {
      this.#ahead--;
      this.#aheadBytes -= bytes;
      if (!isOpen) this.#close();
      this.#advance();
    };
    this.#process.ask(this.#node, ABOUT, 'post', payload).then(
      (isOpen) => received(isOpen === true),
      // Its process is gone, and the port with it.
      () => received(false),
    );
  }

  #advance(): void {
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      const bytes = byteLengthOf(next.payload);
      if (!this.#hasRoom(bytes)) return;
      this.#waiting.shift();
      this.#waitingBytes -= bytes;
      this.#post(next.payload, bytes);
      next.onSent();
    }
    if (this.#ahead === 0) this.#onIdle();
  }

  #close(): void {
    this.#isClosed = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next.onSent();
    this.#waitingBytes = 0;
  }
}
