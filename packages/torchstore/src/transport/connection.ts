import { FrameError, VolumeFullError, VolumeUnavailableError } from '../failures.ts';
import { thisOwner, writeOwner } from '../owner.ts';
import { type Dialled, dial } from './dial.ts';
import { type FrameHead, maxPayloadBytes, window } from './frame.ts';
import { checksumIf, closeCodes, type Message, MessageSocket, type SocketEnd } from './message-socket.ts';
import { Permits } from './permits.ts';
import type { TransferOptions, VolumeAddress } from './transport.ts';

/** What is asked of a volume. */
export interface Request extends Pick<Message, 'type' | 'meta' | 'payload'> {
  /** The CRC-32 of the payload, when it is known already. */
  readonly checksum?: number | undefined;
  /** Where the payload of the answer goes; it has as many bytes. @default nowhere: the answer has none */
  readonly target?: Uint8Array;
}

/** What a volume answered. */
export interface Answer {
  readonly payload: Uint8Array;
  /** The CRC-32 of the payload, when the connection has checksums. */
  readonly checksum: number | undefined;
}

interface Waiting {
  readonly message: Message;
  readonly target: Uint8Array;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** How a client connects. */
export interface ConnectionOptions {
  /** The session that the volume keeps for this client. */
  readonly session: string;
  /** How long one frame may stay without an answer. */
  readonly timeoutMs: number;
  /** How long a connection that was cut may take to come back. @default 5000 */
  readonly reconnectMs?: number;
  /** Frames of both sides carry a CRC-32. @default false */
  readonly checksums?: boolean;
}

/** A connection that is cut so often without an answer in between brings nothing. */
const maxFruitlessCuts = 4;
const firstPauseMs = 20;
const maxPauseMs = 500;
const nothing = new Uint8Array(0);

/**
 * One client's way to one volume. While it lasts, the volume keeps what the client has begun; bytes travel on it when
 * client and volume share no memory. When it is cut, it is made again, and what was not answered is asked again: at most
 * a window of frames travels twice. It keeps the process alive only while an answer is due.
 */
export class Connection implements Disposable {
  readonly volume: string;
  readonly isChecked: boolean;
  /** Resolves when it has ended for good. */
  readonly closed: Promise<void>;
  readonly #address: VolumeAddress;
  readonly #options: Required<ConnectionOptions>;
  readonly #resolveClosed: () => void;
  /** In the order in which they were sent, which is that of their numbers: a volume takes no other. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #permits = new Permits(window);
  /** Takes the payloads of answers that nobody waits for any more. */
  #discarded: Uint8Array | undefined;
  #socket: MessageSocket | undefined;
  /** Keeps the process while an answer is due: the socket, or the pause before the next attempt. */
  #holder: { ref(): unknown; unref(): unknown } | undefined;
  #failure: VolumeUnavailableError | undefined;
  #fruitlessCuts = 0;
  #lastRequest = 0;

  private constructor(address: VolumeAddress, options: ConnectionOptions) {
    this.#address = address;
    this.#options = { reconnectMs: 5_000, checksums: false, ...options };
    this.volume = address.id;
    this.isChecked = this.#options.checksums;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#resolveClosed = resolve;
  }

  /** Connects and authenticates. @throws {VolumeUnavailableError} when the volume does not accept. */
  static async open(address: VolumeAddress, options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(address, options);
    const dialled = await connection.#dial({ isResumed: false, timeoutMs: options.timeoutMs });
    if (!dialled.isOpen) throw new VolumeUnavailableError(address.id, dialled.reason, { cause: dialled.cause });
    connection.#use(dialled);
    return connection;
  }

  #dial(how: { readonly isResumed: boolean; readonly timeoutMs: number }): Promise<Dialled> {
    return dial(this.#address, { session: this.#options.session, owner: writeOwner(thisOwner()), ...how });
  }

  /** Sends a message and resolves with its answer; waits first while the window is full. */
  async request(
    { target = nothing, checksum, ...message }: Request,
    { signal }: TransferOptions = {},
  ): Promise<Answer> {
    await this.#permits.take();
    try {
      signal?.throwIfAborted();
      if (this.#failure !== undefined) throw this.#failure;
      return await this.#exchange(
        { ...message, checksum: checksum ?? checksumIf(this.isChecked, message.payload) },
        target,
        signal,
      );
    } finally {
      this.#permits.give();
    }
  }

  async #exchange(
    message: Omit<Message, 'request'>,
    target: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    this.#lastRequest = (this.#lastRequest + 1) >>> 0;
    const request = this.#lastRequest;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const waiting: Waiting = { message: { ...message, request }, target, resolve, reject };
    const abort = () => reject(signal?.reason);
    const { timeoutMs } = this.#options;
    const timer = setTimeout(
      () => reject(new VolumeUnavailableError(this.volume, `no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    signal?.addEventListener('abort', abort);
    this.#waiting.set(request, waiting);
    this.#holder?.ref();
    this.#socket?.send(waiting.message);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      this.#waiting.delete(request);
      if (this.#waiting.size === 0) this.#holder?.unref();
      // The system may be about to write there; what else is on its way comes again on the next connection.
      if (this.#failure === undefined && this.#socket?.receiving === request) this.#socket.cut();
    }
  }

  #use({ stream, intake, rest }: Extract<Dialled, { readonly isOpen: true }>): void {
    const socket = new MessageSocket(stream, 'client', {
      onHead: (head) => this.#memoryFor(head),
      onMessage: (head, payload) => this.#settle(head, payload),
      onEnd: (end) => {
        if (this.#socket === socket) void this.#comeBack(end);
      },
    });
    this.#socket = socket;
    this.#hold(socket);
    socket.start(intake, rest);
    for (const { message } of this.#waiting.values()) {
      // Anew: the payload of a put that was cancelled may have changed, and must not break this connection too.
      socket.send({ ...message, checksum: checksumIf(this.isChecked, message.payload) });
    }
  }

  #hold(holder: { ref(): unknown; unref(): unknown }): void {
    this.#holder = holder;
    if (this.#waiting.size === 0) holder.unref();
  }

  #memoryFor({ request, payloadBytes, checksum, type }: FrameHead): Uint8Array {
    if (this.isChecked && checksum === undefined)
      throw new FrameError('A frame was damaged on its way: it has no checksums.');
    const target = this.#waiting.get(request)?.target;
    if (target === undefined) {
      this.#discarded ??= new Uint8Array(maxPayloadBytes);
      return this.#discarded.subarray(0, payloadBytes);
    }
    const expected = type === 'data' ? target.length : 0;
    if (payloadBytes === expected) return target.subarray(0, expected);
    throw new FrameError(`A ${type} frame has ${payloadBytes} bytes, and ${expected} were asked for.`);
  }

  #settle({ request, type, meta, checksum }: FrameHead, payload: Uint8Array): void {
    this.#fruitlessCuts = 0;
    const waiting = this.#waiting.get(request);
    if (type === 'failed') waiting?.reject(failureOf(this.volume, meta));
    else waiting?.resolve({ payload, checksum });
  }

  async #comeBack({ code, error }: SocketEnd): Promise<void> {
    this.#socket = undefined;
    this.#holder = undefined;
    if (this.#failure !== undefined) return;
    if (code === closeCodes.goingAway) return this.#fail('it has ended', error);
    this.#fruitlessCuts += 1;
    if (this.#fruitlessCuts > maxFruitlessCuts) return this.#fail('the connection to it breaks again and again', error);
    const untilMs = performance.now() + this.#options.reconnectMs;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
      const timeoutMs = Math.min(this.#options.timeoutMs, Math.max(1, untilMs - performance.now()));
      const dialled = await this.#dial({ isResumed: true, timeoutMs });
      if (this.#failure !== undefined) {
        if (dialled.isOpen) dialled.stream.destroy();
        return;
      }
      if (dialled.isOpen) return this.#use(dialled);
      if (dialled.isFinal || performance.now() + pauseMs > untilMs)
        return this.#fail(dialled.reason, dialled.cause ?? error);
      await new Promise<void>((resolve) => this.#hold(setTimeout(resolve, pauseMs)));
    }
  }

  #fail(reason: string, cause: unknown): void {
    this.#failure ??= new VolumeUnavailableError(this.volume, reason, { cause });
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#resolveClosed();
  }

  [Symbol.dispose](): void {
    this.#fail('the connection to it was closed', undefined);
    this.#socket?.close(closeCodes.done);
  }
}

function failureOf(volume: string, meta: unknown): Error {
  const { message = 'it failed without a message', isFull = false } =
    typeof meta === 'object' && meta !== null ? (meta as { message?: unknown; isFull?: unknown }) : {}; // both are checked
  return isFull === true ? new VolumeFullError(volume) : new VolumeUnavailableError(volume, String(message));
}
