import { DecodeError } from '../errors.ts';
import { WINDOW_BYTES } from './limits.ts';

interface SentFrame {
  readonly seq: number;
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly onArrived: (() => void) | undefined;
}

/** The frames that a session has sent: their numbers, and those to send again, because they are not acknowledged. */
export class SentFrames {
  readonly #keeps: boolean;
  #last = 0;
  #kept: SentFrame[] = [];
  #keptBytes = 0;

  /** Without `keeps` nothing is sent again. */
  constructor(keeps: boolean) {
    this.#keeps = keeps;
  }

  /** Number of the last one. */
  get last(): number {
    return this.#last;
  }

  get isWindowFull(): boolean {
    return this.#keptBytes >= WINDOW_BYTES;
  }

  /** To send again, in order. */
  get unacknowledged(): readonly (readonly Uint8Array[])[] {
    return this.#kept.map(({ parts }) => parts);
  }

  /** Counts a frame. `onArrived` is called when it is acknowledged, which is never where nothing is kept. */
  add(parts: readonly Uint8Array[], onArrived?: () => void): void {
    this.#last++;
    if (!this.#keeps) return;
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.#kept.push({ seq: this.#last, parts, bytes, onArrived });
    this.#keptBytes += bytes;
  }

  /** Forgets what has arrived; `true` when that was anything. @throws {DecodeError} when it was never sent */
  acknowledge(ack: number): boolean {
    if (ack > this.#last) throw new DecodeError(`frame ${ack} is acknowledged, and ${this.#last} were sent.`);
    let count = 0;
    for (const { seq, bytes } of this.#kept) {
      if (seq > ack) break;
      this.#keptBytes -= bytes;
      count++;
    }
    if (count === 0) return false;
    for (const { onArrived } of this.#kept.splice(0, count)) onArrived?.();
    return true;
  }

  clear(): void {
    this.#kept = [];
  }
}
