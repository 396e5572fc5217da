import { Queue } from '../collections/queue.ts';
import { DecodeError, PortError } from '../errors.ts';
import { withOptions } from '../mesh/call-options.ts';
import type { LocalProcess } from '../process/local-process.ts';
import { isProcessId } from '../process/process-id.ts';
import { currentOwner, program } from '../program/current-program.ts';
import type { Owned } from '../supervision/owner.ts';
import { makeReferable } from '../wire/referable.ts';
import type { PortLine } from './port-line.ts';

/** Where values are sent to one receiver. May be sent in messages, and works from any process of the program. */
export interface Port<T> {
  /**
   * Sends a value. What one process sends arrives in order. Resolves when the value is on its way, which is only as fast
   * as the receiver takes them: who awaits it is slowed down. A closed port drops it.
   *
   * @throws {UnsendableError}
   * @throws {OverflowError} when more than 1,024 values or 64 MiB wait here, because sends are not awaited.
   * @throws {OptionError} when `transfer` is no list of buffers.
   */
  send(value: T, options?: PortSendOptions): Promise<void>;
  /** Sends an error, with which the receiver's `receive` rejects when it comes to it. */
  fail(error: Error): Promise<void>;
  /** The receiver is closed, or its process gone. Known at the latest some sends later. */
  readonly isClosed: boolean;
}

/** How a value is sent. */
export interface PortSendOptions {
  /** Moved instead of copied: empty afterwards, unless the port was known to be closed. @default nothing is moved */
  readonly transfer?: readonly ArrayBuffer[];
}

/** How long to wait for a value. */
export interface ReceiveOptions {
  /** @default for ever */
  readonly timeoutMs?: number;
  /** Gives up waiting, with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * The end of a port where values arrive, in order for each sending process. Iterating it ends when it is closed;
 * leaving the loop does not close it. It never learns that nobody will send: give `receive` a deadline where senders may
 * die.
 */
export interface Receiver<T> extends AsyncIterable<T>, Disposable {
  readonly port: Port<T>;
  /**
   * Takes the next value. One that is given up takes nothing.
   *
   * @throws {PortError} at the deadline, and when it is closed.
   */
  receive(options?: ReceiveOptions): Promise<T>;
  /** The next `count` values. */
  take(count: number): AsyncIterable<T>;
  /** Drops what has come, and what is sent from now on. The one who opened it does so when it ends. */
  close(): void;
}

/** Opens a port. It belongs to the code that opened it: an actor, or the program. */
export function openPort<T>(): Receiver<T> {
  const { process } = program();
  const owner = currentOwner('openPort');
  const receiver = new OpenPort<T>(process, () => owner.owned.delete(receiver));
  owner.owned.add(receiver);
  return receiver;
}

/** The port that came in a message. @throws {DecodeError} */
export function portOf(process: LocalProcess, data: unknown): Port<unknown> {
  const [node, number] = Array.isArray(data) ? data : [];
  if (!isProcessId(String(node)) || !Number.isSafeInteger(number)) throw new DecodeError('a port is damaged.');
  return new SendingEnd(process, String(node), Number(number));
}

class SendingEnd<T> implements Port<T> {
  readonly #process: LocalProcess;
  readonly #node: string;
  readonly #number: number;
  /** What was last sent went by it. */
  #line: PortLine | undefined;

  constructor(process: LocalProcess, node: string, number: number) {
    this.#process = process;
    this.#node = node;
    this.#number = number;
    makeReferable(this, () => ({ kind: 'port', data: [node, number] }));
  }

  get isClosed(): boolean {
    return this.#line?.isClosed ?? false;
  }

  send(value: T, { transfer }: PortSendOptions = {}): Promise<void> {
    return this.#send(true, value, transfer === undefined ? [] : withOptions({}, { transfer }).transfer);
  }

  fail(error: Error): Promise<void> {
    return this.#send(false, error);
  }

  #send(isValue: boolean, value: unknown, transfer: readonly ArrayBuffer[] = []): Promise<void> {
    if (this.isClosed) return Promise.resolve();
    const { ports } = this.#process;
    // Before anything is moved.
    ports.checkRoom(this.#node, this.#number);
    const payload = this.#process.encode([this.#number, isValue, value], { transfer });
    this.#line = ports.line(this.#node, this.#number);
    return this.#line.send(payload);
  }
}

interface Arrived {
  readonly isValue: boolean;
  readonly value: unknown;
  readonly onReceived: (isOpen: boolean) => void;
}

interface Waiting {
  readonly onArrived: (arrived: Arrived) => void;
  readonly onClosed: () => void;
}

class OpenPort<T> implements Receiver<T>, Owned {
  readonly port: Port<T>;
  readonly #process: LocalProcess;
  readonly #number: number;
  readonly #onClose: () => void;
  readonly #arrived = new Queue<Arrived>();
  readonly #waiting = new Set<Waiting>();
  #isClosed = false;

  constructor(process: LocalProcess, onClose: () => void) {
    this.#process = process;
    this.#onClose = onClose;
    this.#number = process.ports.open(async (isValue, value) => await this.#take(isValue, value));
    this.port = new SendingEnd(process, process.id, this.#number);
  }

  async receive({ timeoutMs, signal }: ReceiveOptions = {}): Promise<T> {
    signal?.throwIfAborted();
    if (this.#isClosed) throw new PortError('closed', 'The port is closed: nothing more is received.');
    const arrived = this.#arrived.shift() ?? (await this.#next(timeoutMs, signal));
    arrived.onReceived(true);
    // Sent by a Port<T>, or an error.
    if (arrived.isValue) return arrived.value as T;
    throw arrived.value;
  }

  async *take(count: number): AsyncGenerator<T, void> {
    for (let i = 0; i < count; i++) yield await this.receive();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#process.ports.close(this.#number);
    for (let next = this.#arrived.shift(); next !== undefined; next = this.#arrived.shift()) next.onReceived(false);
    for (const { onClosed } of this.#waiting) onClosed();
    this.#onClose();
  }

  async stop(): Promise<void> {
    this.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    while (!this.#isClosed) {
      try {
        yield await this.receive();
      } catch (error) {
        if (error instanceof PortError && this.#isClosed) return;
        throw error;
      }
    }
  }

  async #take(isValue: boolean, value: unknown): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const arrived = { isValue, value, onReceived: resolve };
    const [first] = this.#waiting;
    if (first === undefined) this.#arrived.push(arrived);
    else first.onArrived(arrived);
    return await promise;
  }

  async #next(timeoutMs: number | undefined, signal: AbortSignal | undefined): Promise<Arrived> {
    const { promise, resolve, reject } = Promise.withResolvers<Arrived>();
    const giveUp = (error: unknown) => {
      // At once: what comes from now on is for others.
      this.#waiting.delete(waiting);
      reject(error);
    };
    const waiting: Waiting = {
      onArrived: (arrived) => {
        this.#waiting.delete(waiting);
        resolve(arrived);
      },
      onClosed: () => giveUp(new PortError('closed', 'The port was closed while a value was waited for.')),
    };
    this.#waiting.add(waiting);
    const onTimeout = () => giveUp(new PortError('timeout', `Nothing was received within ${timeoutMs} ms.`));
    const stopClock = timeoutMs === undefined ? undefined : this.#process.clock.after(timeoutMs, onTimeout);
    const onAbort = () => giveUp(signal?.reason);
    signal?.addEventListener('abort', onAbort);
    try {
      return await promise;
    } finally {
      stopClock?.();
      signal?.removeEventListener('abort', onAbort);
    }
  }
}
