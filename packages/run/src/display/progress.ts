import type { WriteStream } from 'node:tty';

export interface ProgressOptions {
  /** @default process.stdout */
  readonly stream?: Pick<WriteStream, 'write'> & { readonly isTTY?: boolean };
  /** Milliseconds between lines where the output is no terminal. @default 5000 */
  readonly intervalMs?: number;
  /** @default performance.now */
  readonly now?: () => number;
}

/** Shows how far a phase is: a line that renews itself in a terminal, a line every few seconds elsewhere. */
export class Progress {
  readonly #stream: NonNullable<ProgressOptions['stream']>;
  readonly #intervalMs: number;
  readonly #now: () => number;
  #phase = '';
  #total = 0;
  #doneBefore = 0;
  #startedMs = 0;
  #printedMs = -Infinity;
  #isLineOpen = false;

  constructor({ stream = process.stdout, intervalMs = 5000, now = () => performance.now() }: ProgressOptions = {}) {
    this.#stream = stream;
    this.#intervalMs = intervalMs;
    this.#now = now;
  }

  /**
   * Starts a phase of at most `total` steps.
   *
   * @param done - steps that were taken before, which say nothing about how fast the others will be. @default 0
   */
  start(phase: string, total: number, done = 0): void {
    this.end();
    this.#phase = phase;
    this.#total = total;
    this.#doneBefore = done;
    this.#startedMs = this.#now();
    this.#printedMs = -Infinity;
  }

  /** After step `done` of the phase (1, 2, …). `fields` are shown as they are; absent ones are left out. */
  update(done: number, fields: Readonly<Record<string, string | undefined>>): void {
    const now = this.#now();
    if (!this.#stream.isTTY && now - this.#printedMs < this.#intervalMs && done < this.#total) return;
    this.#printedMs = now;
    const rate = ((done - this.#doneBefore) / (now - this.#startedMs)) * 1000;
    const shown = Object.entries(fields).filter(([, value]) => value !== undefined);
    const parts = [
      `${this.#phase.padEnd(7)} ${bar(done / this.#total)} ${done}/${this.#total}`,
      ...shown.map(([key, value]) => `${key} ${value}`),
      `${rate.toFixed(1)} steps/s`,
      `${duration((this.#total - done) / rate)} left`,
    ];
    this.#stream.write(this.#stream.isTTY ? `\r\x1b[2K${parts.join('  ')}` : `${parts.join('  ')}\n`);
    this.#isLineOpen = this.#stream.isTTY === true;
  }

  /** A line of its own, above the progress. */
  note(text: string): void {
    this.end();
    this.#stream.write(`${text}\n`);
  }

  /** Leaves what was shown last standing. */
  end(): void {
    if (this.#isLineOpen) this.#stream.write('\n');
    this.#isLineOpen = false;
  }
}

function bar(share: number): string {
  const width = 20;
  const full = Math.round(Math.min(1, share) * width);
  return `${'█'.repeat(full)}${'░'.repeat(width - full)}`;
}

/** Seconds for a reader: `45 s`, `2 min 05 s`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}
