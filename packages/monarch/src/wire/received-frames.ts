import { DecodeError } from '../errors.ts';
import { MAX_FRAME_BYTES, WINDOW_BYTES } from './limits.ts';

/** Bytes that may arrive before a frame that is missing: what the other side's window lets it send. */
const MAX_EARLY_BYTES = WINDOW_BYTES + MAX_FRAME_BYTES;
/** Frames or bytes received after which an acknowledgement is due, without waiting for a frame to carry it. */
const ACK_FRAMES = 64;
const ACK_BYTES = 2 ** 20;

/** What to leave out, to prove that a test would notice. */
export interface ReceivingFaults {
  /** Frames that were received before are delivered again. */
  readonly withoutDedupe?: boolean;
  /** Frames are delivered as they come. */
  readonly withoutReorder?: boolean;
}

/** The frames that a session receives, in order and each once: what came twice is dropped, what came early is held. */
export class ReceivedFrames {
  readonly #faults: ReceivingFaults;
  readonly #early = new Map<number, Uint8Array>();
  #earlyBytes = 0;
  #last = 0;
  #acknowledged = 0;
  #unacknowledgedBytes = 0;

  constructor(faults: ReceivingFaults = {}) {
    this.#faults = faults;
  }

  /** Number of the last one that was delivered, as were all before it. */
  get last(): number {
    return this.#last;
  }

  /** So much was received since the other side was last told. */
  get isAcknowledgementDue(): boolean {
    return this.#last - this.#acknowledged >= ACK_FRAMES || this.#unacknowledgedBytes >= ACK_BYTES;
  }

  /** The other side knows of all. */
  get isAcknowledged(): boolean {
    return this.#acknowledged === this.#last;
  }

  /** The other side is told. */
  acknowledge(): void {
    this.#acknowledged = this.#last;
    this.#unacknowledgedBytes = 0;
  }

  /** Delivers a frame, and those that waited for it, when it is its turn. @throws {DecodeError} when too many wait */
  add(seq: number, frame: Uint8Array, deliver: (frame: Uint8Array) => void): void {
    const { withoutDedupe, withoutReorder } = this.#faults;
    if (seq <= this.#last && !withoutDedupe) return;
    if (seq > this.#last + 1 && !withoutReorder) {
      this.#hold(seq, frame);
      return;
    }
    let next: Uint8Array | undefined = frame;
    this.#last = Math.max(this.#last, seq);
    while (next !== undefined) {
      this.#unacknowledgedBytes += next.length;
      deliver(next);
      next = this.#early.size === 0 ? undefined : this.#early.get(this.#last + 1);
      if (next === undefined) return;
      this.#early.delete(++this.#last);
      this.#earlyBytes -= next.length;
    }
  }

  clear(): void {
    this.#early.clear();
  }

  #hold(seq: number, frame: Uint8Array): void {
    if (this.#early.has(seq)) return;
    this.#earlyBytes += frame.length;
    if (this.#earlyBytes > MAX_EARLY_BYTES) throw new DecodeError(`frame ${this.#last + 1} is missing.`);
    // The connection uses its memory again.
    this.#early.set(seq, new Uint8Array(frame));
  }
}
