import { DecodeError, reasonText } from '../errors.ts';
import type { Clock } from '../time/clock.ts';
import type { Connection } from './connection.ts';
import { HEADER_BYTES, readHeader, writeHeader } from './frame-header.ts';
import { FRAME, packEnd, unpackEnd } from './handshake.ts';
import { Inbox } from './inbox.ts';
import { BUFFERED_BYTES } from './limits.ts';
import type { Link, LinkEvents } from './link.ts';
import { Outbox } from './outbox.ts';
import type { Packet } from './packet.ts';
import { ReceivedFrames, type ReceivingFaults } from './received-frames.ts';
import { SentFrames } from './sent-frames.ts';

/** Longest time that an acknowledgement waits for a frame to carry it. */
const ACK_MS = 20;

/** Breaks a session on purpose, to prove that a test would notice. */
export interface SessionFaults extends ReceivingFaults {
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

/**
 * Packets in order, each exactly once, over one connection after the other. Frames are numbered, kept until the other
 * side has acknowledged them, and sent again on the next connection.
 */
export class Session implements Link {
  readonly #options: SessionOptions;
  readonly #inbox = new Inbox();
  readonly #outbox: Outbox;
  readonly #sent: SentFrames;
  readonly #received: ReceivedFrames;
  #connection: Connection | undefined;
  #hasEnded = false;
  /** Closed from here: it ends when all is sent. */
  #isClosing = false;
  /** The first packet of a turn leaves at once, the others leave together at its end. */
  #isFlushDue = false;
  /** One packet came, and none was sent since: the next is its answer, and to wait for more of this turn is of no use. */
  #alternates = false;
  /** The other side closes after this frame. */
  #closesAfter = Number.POSITIVE_INFINITY;
  #stopAck: (() => void) | undefined;
  #stopWait: (() => void) | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options.events.onUnsent);
    this.#sent = new SentFrames(options.resumeMs > 0 && !options.faults?.withoutAck);
    this.#received = new ReceivedFrames(options.faults);
  }

  /** Number of the last frame received. */
  get received(): number {
    return this.#received.last;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get confirms(): boolean {
    return this.#options.resumeMs > 0;
  }

  send(packet: Packet): void {
    if (this.#hasEnded || this.#isClosing) return;
    this.#outbox.push(packet);
    if (this.#isFlushDue) return;
    this.#flush();
    if (this.#alternates) this.#alternates = false;
    else this.#flushSoon();
  }

  close(): void {
    if (this.#hasEnded || this.#isClosing) return;
    this.#isClosing = true;
    if (this.#connection === undefined) this.lose('it was closed.');
    else this.#flush();
  }

  /** Uses a connection, whose other side has received all frames up to `received`. */
  attach(connection: Connection, received: number): void {
    if (this.#hasEnded) {
      connection.close();
      return;
    }
    const before = this.#connection;
    this.#connection = connection;
    before?.close();
    this.#stopWait?.();
    this.#stopWait = undefined;
    this.#checked(() => {
      this.#sent.acknowledge(received);
      for (const parts of this.#sent.unacknowledged) connection.send(parts);
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
    for (const part of [this.#outbox, this.#inbox, this.#sent, this.#received]) part.clear();
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
    if (!this.#hasEnded) this.#checked(() => this.#read(frame));
  }

  #checked(work: () => void): void {
    try {
      work();
    } catch (error) {
      const reason = reasonText(error);
      this.#connection?.send([packEnd({ code: 'decode', reason, after: this.#sent.last })]);
      this.lose(`it was cut off: ${reason}`, error instanceof Error ? error : undefined);
    }
  }

  #read(frame: Uint8Array): void {
    switch (frame[0]) {
      case FRAME.data:
      case FRAME.ack:
        this.#numbered(frame);
        break;
      case FRAME.end: {
        const { code, reason, after } = unpackEnd(frame);
        if (code !== 'closed') this.lose(`the other side ended it: ${reason}`);
        this.#closesAfter = after;
        break;
      }
      case FRAME.hello:
      case FRAME.welcome:
        break; // Repeated by the connection: it says nothing new.
      default:
        throw new DecodeError(`a frame of kind ${frame[0]} is unknown.`);
    }
    if (this.#received.last >= this.#closesAfter) this.lose('the other side closed it.');
  }

  #numbered(frame: Uint8Array): void {
    const { seq, ack } = readHeader(frame);
    // The window may have been full.
    if (this.#sent.acknowledge(ack) && !this.#outbox.isEmpty) this.#flushSoon();
    if (frame[0] !== FRAME.data) return;
    this.#received.add(seq, frame, this.#deliver);
    this.#acknowledgeSoon();
  }

  readonly #deliver = (frame: Uint8Array): void => {
    this.#alternates = this.#inbox.read(frame, HEADER_BYTES, this.#onPacket) === 1;
  };

  readonly #onPacket = (packet: Packet): void => {
    // A packet of the same frame may have ended the session.
    if (this.#hasEnded) return;
    if (packet.message[0] === 'cancel') this.#outbox.drop('answer', packet.message[1]);
    this.#options.events.onPacket(packet);
  };

  #acknowledgeSoon(): void {
    const { clock, resumeMs } = this.#options;
    // Nothing is kept where nothing is sent again.
    if (resumeMs === 0 || this.#hasEnded) return;
    if (this.#received.isAcknowledgementDue) this.#acknowledge();
    else this.#stopAck ??= clock.after(ACK_MS, this.#acknowledgeRest);
  }

  // Its timer is left alone when a frame carries the acknowledgement: setting and stopping one a frame is dearer.
  readonly #acknowledgeRest = (): void => {
    this.#stopAck = undefined;
    if (!this.#received.isAcknowledged) this.#acknowledge();
  };

  #acknowledge(): void {
    const frame = Buffer.allocUnsafe(HEADER_BYTES);
    this.#writeHeader(frame, FRAME.ack, 0);
    this.#connection?.send([frame]);
  }

  /** Writes a header; it carries an acknowledgement, so none is due after it. */
  #writeHeader(frame: Buffer, kind: number, seq: number): void {
    writeHeader(frame, kind, { seq, ack: this.#received.last });
    this.#received.acknowledge();
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    process.nextTick(this.#flushRest);
  }

  readonly #flushRest = (): void => {
    this.#isFlushDue = false;
    this.#flush();
  };

  #flush(): void {
    while (this.#connection !== undefined) {
      if (this.#sent.isWindowFull || this.#connection.bufferedBytes >= BUFFERED_BYTES) return;
      const frame = this.#outbox.next(HEADER_BYTES);
      if (frame === undefined) break;
      this.#writeHeader(frame[0], FRAME.data, this.#sent.last + 1);
      this.#sent.add(frame, this.#outbox.takeOnArrived());
      this.#connection.send(frame);
    }
    if (!this.#isClosing || this.#connection === undefined) return;
    this.#connection.send([packEnd({ code: 'closed', reason: 'it was closed.', after: this.#sent.last })]);
    this.lose('it was closed.');
  }
}
