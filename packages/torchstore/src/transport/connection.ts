import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import { FrameError, VolumeFullError, VolumeUnavailableError } from '../failures.ts';
import { decodeFrame, encodeHead, type Frame, maxFrameBytes, window } from './frame.ts';
import type { VolumeAddress } from './transport.ts';

interface Waiting {
  readonly resolve: (frame: Frame) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** How a client connects. */
export interface ConnectionOptions {
  /** The session that lives as long as this connection. */
  readonly session: string;
  /** How long one frame may stay without an answer. */
  readonly timeoutMs: number;
  /** Frames of both sides carry a CRC-32. @default false */
  readonly checksums?: boolean;
}

/**
 * One client's socket to one volume. While it is open, the volume keeps what the client has begun; bytes travel on it
 * when client and volume share no memory. It keeps the process alive only while an answer is due.
 */
export class Connection implements Disposable {
  readonly volume: string;
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #tcp: Socket;
  readonly #timeoutMs: number;
  readonly #isChecked: boolean;
  readonly #waiting = new Map<number, Waiting>();
  readonly #queue: (() => void)[] = [];
  #lastRequest = 0;

  private constructor(
    socket: WebSocket,
    { tcp, volume, timeoutMs, checksums = false }: ConnectionOptions & { tcp: Socket; volume: string },
  ) {
    this.#socket = socket;
    this.#tcp = tcp;
    this.#timeoutMs = timeoutMs;
    this.#isChecked = checksums;
    this.volume = volume;
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#rejectAll(new VolumeUnavailableError(volume, 'the connection to it was closed'));
        resolve();
      });
    });
    socket.on('message', (data: Buffer[]) => this.#receive(data)); // binaryType 'fragments' delivers arrays
    tcp.unref();
  }

  /** Connects and authenticates. @throws {VolumeUnavailableError} when the volume does not accept. */
  static async open({ id, url, token }: VolumeAddress, options: ConnectionOptions): Promise<Connection> {
    const { session, timeoutMs } = options;
    let tcp: Socket | undefined;
    const socket = new WebSocket(`${url}/${session}`, {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false, // weights do not compress
      skipUTF8Validation: true,
      maxPayload: maxFrameBytes,
      handshakeTimeout: timeoutMs,
      // A mask of zeros saves two passes over the bytes. Masks protect proxies from scripts in browsers; here the peer
      // is a volume that this process was given the token of.
      generateMask: (mask) => mask.fill(0),
      createConnection: ((options: NetConnectOpts) => {
        tcp = connect(options);
        tcp.setNoDelay(true);
        tcp.setKeepAlive(true, 15_000);
        return tcp;
      }) as typeof connect, // ws calls it with options only
    });
    socket.binaryType = 'fragments';
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', (cause) => reject(new VolumeUnavailableError(id, cause.message, { cause })));
    });
    socket.on('error', () => {}); // 'close' follows and rejects what waits
    if (tcp === undefined) throw new VolumeUnavailableError(id, 'its url is not a ws: url');
    return new Connection(socket, { ...options, tcp, volume: id });
  }

  /** Sends a frame and resolves with its answer; waits first while the window is full. */
  async request(frame: Omit<Frame, 'request' | 'isChecked'>): Promise<Frame> {
    if (this.#waiting.size >= window) await new Promise<void>((resolve) => this.#queue.push(resolve));
    return new Promise<Frame>((resolve, reject) => {
      if (this.#socket.readyState !== WebSocket.OPEN) {
        reject(new VolumeUnavailableError(this.volume, 'the connection to it was closed'));
        return;
      }
      this.#lastRequest = (this.#lastRequest + 1) >>> 0;
      const request = this.#lastRequest;
      const head = encodeHead({ ...frame, request, isChecked: this.#isChecked });
      const timer = setTimeout(() => this.#expire(request), this.#timeoutMs);
      this.#waiting.set(request, { resolve, reject, timer });
      this.#tcp.ref();
      this.#socket.send(head, { binary: true, fin: false });
      this.#socket.send(frame.payload, { binary: true, fin: true });
    });
  }

  #expire(request: number): void {
    this.#settle(request)?.reject(new VolumeUnavailableError(this.volume, `no answer within ${this.#timeoutMs} ms`));
  }

  #settle(request: number): Waiting | undefined {
    const waiting = this.#waiting.get(request);
    if (waiting === undefined) return undefined;
    clearTimeout(waiting.timer);
    this.#waiting.delete(request);
    this.#queue.shift()?.();
    if (this.#waiting.size === 0) this.#tcp.unref();
    return waiting;
  }

  #receive(data: readonly Buffer[]): void {
    let frame: Frame;
    try {
      frame = decodeFrame(data);
      if (this.#isChecked && !frame.isChecked)
        throw new FrameError('A frame was damaged on its way: it has no checksum.');
    } catch (error) {
      this.#rejectAll(error instanceof Error ? error : new FrameError(String(error)));
      this.#socket.terminate();
      return;
    }
    const waiting = this.#settle(frame.request);
    if (frame.type !== 'failed') waiting?.resolve(frame);
    else waiting?.reject(failureOf(this.volume, frame.meta));
  }

  #rejectAll(error: Error): void {
    for (const request of [...this.#waiting.keys()]) this.#settle(request)?.reject(error);
    for (const proceed of this.#queue.splice(0)) proceed();
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }
}

function failureOf(volume: string, meta: unknown): Error {
  if (typeof meta !== 'object' || meta === null || !('message' in meta))
    return new VolumeUnavailableError(volume, 'it failed without a message');
  if ('isFull' in meta && meta.isFull === true) return new VolumeFullError(volume);
  return new VolumeUnavailableError(volume, String(meta.message));
}
