import type { Clock } from '../clock.ts';
import { DecodeError, reasonText } from '../errors.ts';
import type { Connection } from './connection.ts';
import { FRAME, packEnd, unpackEnd } from './handshake.ts';
import { Inbox } from './inbox.ts';
import { MAX_FRAME_BYTES } from './limits.ts';
import type { Link, LinkEvents } from './link.ts';
import { Outbox } from './outbox.ts';
import type { Packet } from './packet.ts';

/** kind | number of this frame | number of the last frame received */
const HEADER_BYTES = 17;
/** Frames or bytes received after which an acknowledgement is due, without waiting for a frame to carry it. */
const ACK_FRAMES = 64;
const ACK_BYTES = 2 ** 20;
/** Longest time that an acknowledgement waits for a frame to carry it. */
const ACK_MS = 20;
/** Unacknowledged bytes above which nothing more is sent. */
const WINDOW_BYTES = 8 * 2 ** 20;
/** Bytes that may arrive before a frame that is missing: what the other side's window lets it send. */
const EARLY_BYTES = WINDOW_BYTES + MAX_FRAME_BYTES;
/** Bytes that wait in the connection: a small packet waits no longer than these take to leave. */
const BUFFERED_BYTES = 512 * 2 ** 10;

/** Breaks a session on purpose, to prove that a test would notice. */
export interface SessionFaults {
  /** Frames that were received before are delivered again. */
  readonly withoutDedupe?: boolean;
  /** Frames are delivered as they come. */
  readonly withoutReorder?: boolean;
  /** Frames count as received when they are sent. */
  readonly withoutAck?: boolean;
}

/** What makes a session. */
export interface SessionOptions {
  readonly clock: Clock;
  /** How long it outlives its connection. */
  readonly resumeMs: number;
  readonly events: LinkEvents;
  /** Its connection ended, and it waits for another. */
  readonly onCut?: () => void;
  readonly faults?: SessionFaults | undefined;
}

interface Retained {
  readonly seq: number;
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
}

/**
 * Packets in order, each exactly once, over one connection after the other. Frames are numbered, kept until the other
 * side has acknowledged them, and sent again on the next connection; what came twice is dropped, what came early is held.
 */
export class Session implements Link {
  readonly #options: SessionOptions;
  readonly #inbox = new Inbox();
  readonly #outbox: Outbox;
  #connection: Connection | undefined;
  #hasEnded = false;
  /** Closed from here: it ends when all is sent. */
  #isClosing = false;
  /** What is sent in one turn leaves together, at its end. */
  #isFlushDue = false;
  #retained: Retained[] = [];
  #retainedBytes = 0;
  #sent = 0;
  #received = 0;
  #acknowledged = 0;
  #unacknowledgedBytes = 0;
  readonly #early = new Map<number, Uint8Array>();
  #earlyBytes = 0;
  /** The other side closes after this frame. */
  #closesAfter = Number.POSITIVE_INFINITY;
  #stopAck: (() => void) | undefined;
  #stopWait: (() => void) | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options.events.onUnsent);
  }

  /** Number of the last frame received. */
  get received(): number {
    return this.#received;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  send(packet: Packet): void {
    if (this.#hasEnded || this.#isClosing) return;
    this.#outbox.push(packet);
    this.#flushSoon();
  }

  close(): void {
    if (this.#hasEnded || this.#isClosing) return;
    this.#isClosing = true;
    if (this.#connection === undefined) this.lose('it was closed.');
    else this.#flush();
  }

  /** Uses a connection, whose other side has received all frames up to `received`. */
  attach(connection: Connection, received: number): void {
    const before = this.#connection;
    this.#connection = connection;
    before?.close();
    this.#stopWait?.();
    this.#stopWait = undefined;
    this.#checked(() => {
      this.#acknowledgedBy(received);
      for (const { parts } of this.#retained) connection.send(parts);
      this.#flush();
    });
  }

  /** Its connection ended. */
  cut(connection: Connection, reason: string, cause?: Error): void {
    if (this.#hasEnded || this.#connection !== connection) return;
    this.#connection = undefined;
    if (this.awaitConnection(reason, cause)) this.#options.onCut?.();
  }

  /** It has no connection, for this reason; `false` when it does not wait for another. */
  awaitConnection(reason: string, cause?: Error): boolean {
    if (this.#hasEnded) return false;
    const { clock, resumeMs } = this.#options;
    if (resumeMs > 0) {
      const late = () => this.lose(`${reason} It did not come back within ${resumeMs} ms.`, cause);
      this.#stopWait ??= clock.after(resumeMs, late);
      return true;
    }
    this.lose(reason, cause);
    return false;
  }

  /** Ends it. */
  lose(reason: string, cause?: Error): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#stopAck?.();
    this.#stopWait?.();
    this.#outbox.clear();
    this.#inbox.clear();
    this.#retained = [];
    this.#early.clear();
    this.#connection?.close();
    this.#connection = undefined;
    this.#options.events.onClose(reason, cause);
  }

  /** The connection can take more. */
  drained(): void {
    this.#flush();
  }

  /** A frame came. What is none of this protocol ends the session. */
  frame(frame: Uint8Array): void {
    if (this.#hasEnded) return;
    this.#checked(() => this.#read(frame));
  }

  #checked(work: () => void): void {
    try {
      work();
    } catch (error) {
      const reason = reasonText(error);
      this.#connection?.send([packEnd({ code: 'decode', reason, after: this.#sent })]);
      this.lose(`it was cut off: ${reason}`, error instanceof Error ? error : undefined);
    }
  }

  #read(frame: Uint8Array): void {
    switch (frame[0]) {
      case FRAME.data:
        this.#data(frame);
        break;
      case FRAME.ack:
        this.#acknowledgedBy(readHeader(frame).ack);
        break;
      case FRAME.end: {
        const { code, reason, after } = unpackEnd(frame);
        if (code !== 'closed') this.lose(`the other side ended it: ${reason}`);
        this.#closesAfter = after;
        this.#closeIfDue();
        break;
      }
      case FRAME.hello:
      case FRAME.welcome:
        // Repeated by the connection: it says nothing new.
        break;
      default:
        throw new DecodeError(`a frame of kind ${frame[0]} is unknown.`);
    }
  }

  #data(frame: Uint8Array): void {
    const { seq, ack } = readHeader(frame);
    const { withoutDedupe, withoutReorder } = this.#options.faults ?? {};
    this.#acknowledgedBy(ack);
    if (seq <= this.#received && !withoutDedupe) this.#acknowledgeSoon(0);
    else if (seq > this.#received + 1 && !withoutReorder) this.#hold(seq, frame);
    else {
      this.#deliver(frame, seq);
      while (this.#early.size > 0) {
        const next = this.#early.get(this.#received + 1);
        if (next === undefined) break;
        this.#early.delete(this.#received + 1);
        this.#earlyBytes -= next.length;
        this.#deliver(next, this.#received + 1);
      }
      this.#closeIfDue();
    }
  }

  #hold(seq: number, frame: Uint8Array): void {
    if (this.#early.has(seq)) return;
    this.#earlyBytes += frame.length;
    if (this.#earlyBytes > EARLY_BYTES) throw new DecodeError(`frame ${this.#received + 1} is missing.`);
    this.#early.set(seq, frame.slice());
  }

  #deliver(frame: Uint8Array, seq: number): void {
    this.#received = Math.max(this.#received, seq);
    this.#acknowledgeSoon(frame.length);
    this.#inbox.read(frame, HEADER_BYTES, this.#onPacket);
  }

  readonly #onPacket = (packet: Packet): void => {
    // A packet of the same frame may have ended the session.
    if (this.#hasEnded) return;
    if (packet.message[0] === 'cancel') this.#outbox.drop('answer', packet.message[1]);
    this.#options.events.onPacket(packet);
  };

  #closeIfDue(): void {
    if (this.#received >= this.#closesAfter) this.lose('the other side closed it.');
  }

  /** Forgets what the other side has. @throws {DecodeError} when it cannot have it */
  #acknowledgedBy(ack: number): void {
    if (ack > this.#sent) throw new DecodeError(`frame ${ack} is acknowledged, and ${this.#sent} were sent.`);
    let count = 0;
    for (const { seq, bytes } of this.#retained) {
      if (seq > ack) break;
      this.#retainedBytes -= bytes;
      count++;
    }
    if (count === 0) return;
    this.#retained.splice(0, count);
    // The window may have been full.
    if (!this.#outbox.isEmpty) this.#flushSoon();
  }

  #acknowledgeSoon(bytes: number): void {
    const { clock, resumeMs } = this.#options;
    // Nothing is kept where nothing is sent again.
    if (resumeMs === 0) return;
    this.#unacknowledgedBytes += bytes;
    const isDue = this.#received - this.#acknowledged >= ACK_FRAMES || this.#unacknowledgedBytes >= ACK_BYTES;
    if (isDue) this.#acknowledge();
    else this.#stopAck ??= clock.after(ACK_MS, () => this.#acknowledge());
  }

  #acknowledge(): void {
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    this.#writeHeader(header, FRAME.ack, 0);
    this.#connection?.send([header]);
  }

  /** Writes a header; it carries an acknowledgement, so none is due after it. */
  #writeHeader(frame: Buffer, kind: number, seq: number): void {
    frame[0] = kind;
    frame.writeDoubleLE(seq, 1);
    frame.writeDoubleLE(this.#received, 9);
    this.#acknowledged = this.#received;
    this.#unacknowledgedBytes = 0;
    this.#stopAck?.();
    this.#stopAck = undefined;
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    this.#isFlushDue = false;
    while (this.#connection !== undefined) {
      if (this.#retainedBytes >= WINDOW_BYTES || this.#connection.bufferedBytes >= BUFFERED_BYTES) return;
      const frame = this.#outbox.next(HEADER_BYTES);
      if (frame === undefined) break;
      this.#writeHeader(frame[0], FRAME.data, ++this.#sent);
      this.#retain(frame);
      this.#connection.send(frame);
    }
    if (!this.#isClosing || this.#connection === undefined) return;
    this.#connection.send([packEnd({ code: 'closed', reason: 'it was closed.', after: this.#sent })]);
    this.lose('it was closed.');
  };

  #retain(parts: readonly Uint8Array[]): void {
    const { resumeMs, faults } = this.#options;
    if (resumeMs === 0 || faults?.withoutAck) return;
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.#retained.push({ seq: this.#sent, parts, bytes });
    this.#retainedBytes += bytes;
  }
}

function readHeader(frame: Uint8Array): { seq: number; ack: number } {
  if (frame.length < HEADER_BYTES) throw new DecodeError(`a frame of ${frame.length} bytes is too short.`);
  const view = new DataView(frame.buffer, frame.byteOffset, HEADER_BYTES);
  const [seq, ack] = [view.getFloat64(1, true), view.getFloat64(9, true)];
  if (!Number.isSafeInteger(seq) || seq < 0 || !Number.isSafeInteger(ack) || ack < 0) {
    throw new DecodeError('the numbers of a frame are damaged.');
  }
  return { seq, ack };
}
