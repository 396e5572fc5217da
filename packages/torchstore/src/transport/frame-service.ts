import type { ByteBox } from '../byte-box.ts';
import { FrameError } from '../failures.ts';
import { type FrameHead, maxPayloadBytes, window } from './frame.ts';
import { checksumIf, type Message, type MessageSocket } from './message-socket.ts';
import { parseRead, parseSeal, parseWrite } from './requests.ts';
import type { SegmentReplies, SegmentReply } from './segment-replies.ts';
import type { Landing, SegmentWrites } from './segment-writes.ts';

/** Answers that may wait in a socket: what a client with a full window has asked for. */
const maxBufferedBytes = window * maxPayloadBytes;
const nothing = new Uint8Array(0);

interface ReadToServe {
  readonly request: number;
  readonly boxes: readonly ByteBox[];
  readonly bytes: number;
  readonly isChecked: boolean;
}

/**
 * Answers the messages of one connection. Writes are done when they have arrived; reads wait for their turn, and a client
 * that does not take its answers gets no more of them and is not listened to.
 */
export class FrameService {
  readonly #writes: SegmentWrites;
  readonly #replies: SegmentReplies;
  readonly #reads: ReadToServe[] = [];
  #socket: MessageSocket | undefined;
  #lastRequest = 0;
  #landing: Landing | undefined;
  #refused: Uint8Array | undefined;
  #refusal: unknown;
  #isReading = false;

  constructor({ writes, replies }: { readonly writes: SegmentWrites; readonly replies: SegmentReplies }) {
    this.#writes = writes;
    this.#replies = replies;
  }

  /** Answers on a socket, whose events are this service's. */
  serve(socket: MessageSocket): void {
    this.#socket = socket;
  }

  /** Memory for the payload that follows a head. */
  onHead({ type, request, meta, payloadBytes }: FrameHead): Uint8Array {
    // A write that is repeated or late could fall into memory that is used again.
    if (((request - this.#lastRequest) | 0) <= 0) throw new FrameError(`Request ${request} comes again, or too late.`);
    this.#lastRequest = request;
    if (type !== 'write') {
      if (payloadBytes > 0) throw new FrameError(`A ${type} frame of a client has no payload; this one has.`);
      return nothing;
    }
    try {
      this.#landing = this.#writes.land(parseWrite(meta), payloadBytes);
      return this.#landing.memory;
    } catch (error) {
      this.#landing = undefined;
      this.#refusal = error;
      this.#refused ??= new Uint8Array(maxPayloadBytes);
      return this.#refused.subarray(0, payloadBytes);
    }
  }

  onMessage({ type, request, meta, checksum }: FrameHead): void {
    const isChecked = checksum !== undefined;
    try {
      if (type === 'read') {
        this.#queue({ request, isChecked, ...parseRead(meta) });
        return;
      }
      if (type === 'write') this.#settle();
      else if (type === 'seal') this.#writes.seal(parseSeal(meta));
      else throw new FrameError(`A client does not send ${type} frames.`);
      this.#send({ type: 'written', request, meta: {}, payload: nothing }, isChecked);
    } catch (error) {
      this.#send(failed(request, error), isChecked);
    }
  }

  #settle(): void {
    if (this.#landing === undefined) throw this.#refusal;
    this.#landing.settle();
  }

  #queue(read: ReadToServe): void {
    this.#reads.push(read);
    if (this.#reads.length >= 2 * window) this.#socket?.pause();
    if (!this.#isReading) void this.#serveReads();
  }

  #send(message: Omit<Message, 'checksum'>, isChecked: boolean, onSent?: () => void): void {
    this.#socket?.send({ ...message, checksum: checksumIf(isChecked, message.payload) }, onSent);
  }

  async #serveReads(): Promise<void> {
    this.#isReading = true;
    for (let next = this.#reads.shift(); next !== undefined; next = this.#reads.shift()) {
      if (this.#reads.length < window) this.#socket?.resume();
      const { request, boxes, bytes, isChecked } = next;
      let reply: SegmentReply;
      try {
        reply = await this.#replies.read(boxes, bytes);
      } catch (error) {
        this.#send(failed(request, error), isChecked);
        continue;
      }
      const { payload, release } = reply;
      const sent = new Promise<void>((resolve) => {
        this.#send({ type: 'data', request, meta: {}, payload }, isChecked, () => {
          release();
          resolve();
        });
      });
      // The next answer is prepared while this one leaves.
      if ((this.#socket?.queuedBytes ?? 0) > maxBufferedBytes) await sent;
    }
    this.#isReading = false;
  }

  /** The connection has ended: what waits is not answered. */
  end(): void {
    this.#reads.length = 0;
  }
}

function failed(request: number, error: unknown): Omit<Message, 'checksum'> {
  const message = error instanceof Error ? error.message : String(error);
  const isFull = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
  return { type: 'failed', request, meta: { message, isFull }, payload: nothing };
}
