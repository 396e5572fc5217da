import type { Clock } from '../clock.ts';
import { DecodeError, reasonText } from '../errors.ts';
import type { Connection } from './connection.ts';
import { FRAME, packEnd, unpackEnd } from './handshake.ts';
import type { Link, LinkEvents } from './link.ts';
import { type Packet, PacketReader, toFrames } from './packet.ts';

/** kind | number of this frame | number of the last frame received */
const HEADER_BYTES = 17;
/** Frames or bytes received after which an acknowledgement is due, without waiting for a frame to carry it. */
const ACK_FRAMES = 64;
const ACK_BYTES = 2 ** 20;
/** Longest time that an acknowledgement waits for a frame to carry it. */
const ACK_MS = 20;
/** Unacknowledged bytes above which nothing more is sent. */
const WINDOW_BYTES = 8 * 2 ** 20;
/** Frames that may arrive before one that is missing. */
const MAX_EARLY = 4_096;

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
  readonly #reader = new PacketReader();
  #connection: Connection | undefined;
  #hasEnded = false;
  /** Closed from here: nothing more is sent. */
  #isClosing = false;
  readonly #waiting: (readonly Uint8Array[])[] = [];
  #retained: Retained[] = [];
  #retainedBytes = 0;
  #sent = 0;
  #received = 0;
  #acknowledged = 0;
  #unacknowledgedBytes = 0;
  readonly #early = new Map<number, Uint8Array>();
  /** The other side closes after this frame. */
  #closesAfter: { readonly after: number; readonly reason: string } | undefined;
  #stopAck: (() => void) | undefined;
  #stopWait: (() => void) | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
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
    for (const frame of toFrames(packet)) this.#waiting.push([frame]);
    this.#flush();
  }

  close(): void {
    if (this.#hasEnded || this.#isClosing) return;
    this.#isClosing = true;
    this.#flush();
    this.#connection?.send([packEnd({ code: 'closed', reason: 'it was closed.', after: this.#sent })]);
    this.lose('it was closed.');
  }

  /** Uses a connection, whose other side has received all frames up to `received`. */
  attach(connection: Connection, received: number): void {
    const before = this.#connection;
    this.#connection = connection;
    before?.close();
    this.#stopWait?.();
    this.#stopWait = undefined;
    if (!this.#isAcknowledged(received)) return;
    for (const { parts } of this.#retained) connection.send(parts);
    this.#flush();
  }

  /** Its connection ended. */
  cut(connection: Connection, reason: string): void {
    if (this.#hasEnded || this.#connection !== connection) return;
    this.#connection = undefined;
    if (this.awaitConnection(reason)) this.#options.onCut?.();
  }

  /** It has no connection, for this reason; `false` when it does not wait for another. */
  awaitConnection(reason: string): boolean {
    const { clock, resumeMs } = this.#options;
    if (this.#hasEnded) return false;
    if (resumeMs === 0) {
      this.lose(reason);
      return false;
    }
    this.#stopWait ??= clock.after(resumeMs, () => this.lose(`${reason} It did not come back within ${resumeMs} ms.`));
    return true;
  }

  /** Ends it. */
  lose(reason: string, cause?: Error): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#stopAck?.();
    this.#stopWait?.();
    this.#waiting.length = 0;
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

  /** A frame came. Bytes that are none of this protocol end the session. */
  frame(frame: Uint8Array): void {
    if (this.#hasEnded) return;
    try {
      this.#read(frame);
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
        this.#isAcknowledged(header(frame).ack);
        break;
      case FRAME.end: {
        const { code, reason, after } = unpackEnd(frame);
        if (code !== 'closed') this.lose(`the other side ended it: ${reason}`);
        this.#closesAfter = { after, reason };
        this.#closeIfDue();
        break;
      }
      default:
        throw new DecodeError(`a frame of kind ${frame[0]} is unknown.`);
    }
    this.#flush();
  }

  #data(frame: Uint8Array): void {
    const { seq, ack } = header(frame);
    const { withoutDedupe, withoutReorder } = this.#options.faults ?? {};
    if (!this.#isAcknowledged(ack)) return;
    if (seq <= this.#received && !withoutDedupe) {
      this.#acknowledgeSoon(0);
      return;
    }
    if (seq > this.#received + 1 && !withoutReorder) {
      if (this.#early.size >= MAX_EARLY) throw new DecodeError(`frame ${this.#received + 1} is missing.`);
      this.#early.set(seq, frame);
      return;
    }
    this.#deliver(frame, seq);
    for (let next = this.#early.get(this.#received + 1); next !== undefined; ) {
      this.#early.delete(this.#received + 1);
      this.#deliver(next, this.#received + 1);
      next = this.#early.get(this.#received + 1);
    }
    this.#closeIfDue();
  }

  #deliver(frame: Uint8Array, seq: number): void {
    if (this.#hasEnded) return;
    this.#received = Math.max(this.#received, seq);
    this.#acknowledgeSoon(frame.length);
    const packet = this.#reader.push(frame.subarray(HEADER_BYTES));
    if (packet !== undefined) this.#options.events.onPacket(packet);
  }

  #closeIfDue(): void {
    const { after, reason } = this.#closesAfter ?? {};
    if (after !== undefined && this.#received >= after) this.lose(reason ?? '');
  }

  /** Forgets what the other side has; `false` when it cannot have it, which ends the session. */
  #isAcknowledged(ack: number): boolean {
    if (ack > this.#sent) {
      this.lose(`frame ${ack} was acknowledged, and ${this.#sent} were sent.`);
      return false;
    }
    let count = 0;
    for (const { seq, bytes } of this.#retained) {
      if (seq > ack) break;
      this.#retainedBytes -= bytes;
      count++;
    }
    if (count > 0) this.#retained.splice(0, count);
    return true;
  }

  #acknowledgeSoon(bytes: number): void {
    const { clock, resumeMs } = this.#options;
    // Nothing is kept where nothing is sent again.
    if (resumeMs === 0) return;
    this.#unacknowledgedBytes += bytes;
    if (this.#received - this.#acknowledged >= ACK_FRAMES || this.#unacknowledgedBytes >= ACK_BYTES)
      this.#acknowledge();
    else this.#stopAck ??= clock.after(ACK_MS, () => this.#acknowledge());
  }

  #acknowledge(): void {
    const header = this.#header(FRAME.ack, 0);
    this.#connection?.send([header]);
  }

  /** A header; it carries an acknowledgement, so none is due after it. */
  #header(kind: number, seq: number): Uint8Array {
    const bytes = Buffer.allocUnsafe(HEADER_BYTES);
    bytes[0] = kind;
    bytes.writeDoubleLE(seq, 1);
    bytes.writeDoubleLE(this.#received, 9);
    this.#acknowledged = this.#received;
    this.#unacknowledgedBytes = 0;
    this.#stopAck?.();
    this.#stopAck = undefined;
    return bytes;
  }

  #flush(): void {
    const { resumeMs, faults } = this.#options;
    while (this.#connection !== undefined && this.#retainedBytes < WINDOW_BYTES) {
      const parts = this.#waiting.shift();
      if (parts === undefined) return;
      const frame = [this.#header(FRAME.data, ++this.#sent), ...parts];
      if (resumeMs > 0 && !faults?.withoutAck) {
        const bytes = frame.reduce((sum, part) => sum + part.length, 0);
        this.#retained.push({ seq: this.#sent, parts: frame, bytes });
        this.#retainedBytes += bytes;
      }
      this.#connection.send(frame);
    }
  }
}

function header(frame: Uint8Array): { seq: number; ack: number } {
  if (frame.length < HEADER_BYTES) throw new DecodeError(`a frame of ${frame.length} bytes is too short.`);
  const view = new DataView(frame.buffer, frame.byteOffset, HEADER_BYTES);
  const [seq, ack] = [view.getFloat64(1, true), view.getFloat64(9, true)];
  if (!Number.isSafeInteger(seq) || seq < 0 || !Number.isSafeInteger(ack) || ack < 0) {
    throw new DecodeError('the numbers of a frame are damaged.');
  }
  return { seq, ack };
}
