import type { Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import { FrameError } from '../failures.ts';
import { type ByteSink, pour } from './byte-sink.ts';
import { encodeHead, type FrameHead } from './frame.ts';
import { MessageReader } from './message-reader.ts';
import type { Intake } from './stream.ts';
import { encodeWebSocketHead, type Role, type WebSocketOpcode } from './websocket-head.ts';

/** Why a side closes a connection. Source: RFC 6455, section 7.4.1. */
export const closeCodes = { done: 1000, goingAway: 1001, protocol: 1002 } as const;

/** A side that does not read cannot be told that it is over. */
const maxCloseMs = 1000;

/** What a connection that has ended ended with. */
export interface SocketEnd {
  /** The code with which the other side closed it; undefined when it was cut. */
  readonly code: number | undefined;
  /** What was wrong with it. */
  readonly error: Error | undefined;
}

/** What happens on a connection. */
export interface SocketEvents {
  /** A head has arrived; returns memory for its payload, exactly as long. */
  readonly onHead: (head: FrameHead) => Uint8Array;
  readonly onMessage: (head: FrameHead, payload: Uint8Array) => void;
  /** Once; nothing happens afterwards. */
  readonly onEnd: (end: SocketEnd) => void;
}

/** What is sent: a payload, and a head that says what it is. */
export interface Message extends Pick<FrameHead, 'type' | 'request' | 'meta' | 'checksum'> {
  readonly payload: Uint8Array;
}

/** A WebSocket on a stream that has shaken hands. */
export class MessageSocket implements ByteSink {
  readonly #stream: Socket;
  readonly #role: Role;
  readonly #reader: MessageReader;
  #isClosing = false;
  #code: number | undefined;
  #error: Error | undefined;

  constructor(stream: Socket, role: Role, { onHead, onMessage, onEnd }: SocketEvents) {
    this.#stream = stream;
    this.#role = role;
    this.#reader = new MessageReader({
      onHead,
      onMessage,
      onPing: (content) => this.#control('pong', content),
      onClose: (content) => {
        this.#code = content.length >= 2 ? new DataView(content.buffer).getUint16(0) : closeCodes.done;
        this.close(closeCodes.done);
      },
    });
    stream.on('error', (error) => {
      this.#error ??= error;
    });
    stream.once('end', () => stream.destroy());
    stream.once('close', () => onEnd({ code: this.#code, error: this.#error }));
  }

  /** Begins to read. @param rest what was read behind the handshake */
  start(intake: Intake, rest: Uint8Array): void {
    intake.sink = this;
    pour(rest, this);
  }

  /** Bytes that wait for the other side to read. */
  get queuedBytes(): number {
    return this.#stream.writableLength;
  }

  /** The request whose payload is arriving. */
  get receiving(): number | undefined {
    return this.#reader.receiving;
  }

  next(): Uint8Array {
    return this.#reader.next();
  }

  advance(bytes: number): void {
    if (this.#isClosing || this.#stream.destroyed) return;
    try {
      this.#reader.advance(bytes);
    } catch (error) {
      this.#error = error instanceof Error ? error : new FrameError(String(error));
      this.close(closeCodes.protocol);
    }
  }

  /** Sends a message; its payload must not change until `onSent`, or until the connection ends. */
  send({ payload, ...message }: Message, onSent?: () => void): void {
    const head = encodeHead({ ...message, payloadBytes: payload.length });
    const stream = this.#stream;
    stream.cork(); // one system call takes all of it
    stream.write(encodeWebSocketHead('binary', head.length + payload.length, this.#role));
    stream.write(head, payload.length === 0 ? onSent : undefined);
    if (payload.length > 0) stream.write(payload, onSent);
    stream.uncork();
  }

  #control(opcode: WebSocketOpcode, content: Uint8Array): void {
    this.#stream.write(encodeWebSocketHead(opcode, content.length, this.#role));
    this.#stream.write(content);
  }

  /** Says why, and ends the connection; what arrives from now on is not read. */
  close(code: number): void {
    if (this.#isClosing || this.#stream.destroyed) return;
    this.#isClosing = true;
    this.#stream.pause(); // memory that was given for what arrives is not written any more
    const content = new Uint8Array(2);
    new DataView(content.buffer).setUint16(0, code);
    this.#control('close', content);
    this.#stream.destroySoon();
    this.#stream.setTimeout(maxCloseMs, () => this.#stream.destroy());
  }

  /** Ends the connection at once, as a cut does. */
  cut(): void {
    this.#stream.destroy();
  }

  /** Reads no more until it is resumed: the other side cannot send more than the system keeps for it. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    if (!this.#isClosing) this.#stream.resume();
  }

  ref(): void {
    this.#stream.ref();
  }

  /** An open connection does not keep the process. */
  unref(): void {
    this.#stream.unref();
  }
}

/** The checksum of a payload, for connections that have them. */
export function checksumIf(isChecked: boolean, payload: Uint8Array): number | undefined {
  return isChecked ? crc32(payload) : undefined;
}
