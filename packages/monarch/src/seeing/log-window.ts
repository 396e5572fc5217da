import type { Clock } from '../time/clock.ts';
import { likeness } from './likeness.ts';
import type { LogLine } from './log-line.ts';

/** Lines that a window holds; the next one ends it early, whatever the time. */
const WINDOW_LINES = 1_000;

interface Entry {
  readonly line: LogLine;
  count: number;
}

/**
 * Puts similar lines together: within a window the same line of several processes, or several times in a row of one,
 * becomes one with a count. The lines of each process stay in order, and every line is counted exactly once.
 */
export class LogWindow {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #onLine: (line: LogLine) => void;
  #entries: Entry[] = [];
  /** Where entries of a likeness stand, first to last. */
  #places = new Map<string, number[]>();
  /** Of each process, the entry that holds its latest line. */
  #latest = new Map<string, number>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, windowMs: number, onLine: (line: LogLine) => void) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#onLine = onLine;
  }

  add(line: LogLine): void {
    if (this.#windowMs === 0) {
      this.#onLine(line);
      return;
    }
    const key = `${line.stream} ${likeness(line.text)}`;
    const places = this.#places.get(key) ?? [];
    const from = this.#latest.get(line.process) ?? 0;
    let place = places.find((at) => at >= from);
    if (place === undefined) {
      place = this.#entries.push({ line, count: 0 }) - 1;
      places.push(place);
      this.#places.set(key, places);
    }
    this.#entries[place]!.count += line.count;
    this.#latest.set(line.process, place);
    if (this.#entries.length >= WINDOW_LINES) this.flush();
    else this.#cancel ??= this.#clock.after(this.#windowMs, () => this.flush());
  }

  /** Passes on what it holds. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const entries = this.#entries;
    this.#entries = [];
    this.#places = new Map();
    this.#latest = new Map();
    for (const { line, count } of entries) this.#onLine({ ...line, count });
  }
}
