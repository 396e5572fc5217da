import type { Clock } from '../clock.ts';

/** Lines of one window are put together before they are written. */
const WINDOW_MS = 100;
/** Lines of stderr that are kept of each process, to tell with its failure. */
const TAIL_LINES = 20;

/** Where lines end up. */
export type WriteLine = (stream: 'stdout' | 'stderr', line: string) => void;

interface Entry {
  readonly stream: 'stdout' | 'stderr';
  readonly prefix: string;
  readonly text: string;
  count: number;
}

/**
 * The lines that other processes print, each behind its process's name. Within a window the same line from several
 * processes, or several times in a row from one, becomes one. The order of the lines of a process is kept.
 */
export class LogLines {
  readonly #clock: Clock;
  readonly #write: WriteLine;
  #entries: Entry[] = [];
  /** Of each process, the entry that holds its latest line. */
  #latest = new Map<object, number>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, write: WriteLine) {
    this.#clock = clock;
    this.#write = write;
  }

  /** Adds a line of `source`. */
  add(source: object, prefix: string, stream: 'stdout' | 'stderr', text: string): void {
    const from = this.#latest.get(source) ?? 0;
    let index = this.#entries.findIndex((entry, i) => i >= from && entry.text === text && entry.stream === stream);
    if (index < 0) index = this.#entries.push({ stream, prefix, text, count: 0 }) - 1;
    this.#entries[index]!.count++;
    this.#latest.set(source, index);
    this.#cancel ??= this.#clock.after(WINDOW_MS, () => this.flush());
  }

  /** Writes what the window holds. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const entries = this.#entries;
    this.#entries = [];
    this.#latest = new Map();
    for (const { stream, prefix, text, count } of entries) {
      this.#write(stream, count === 1 ? `[${prefix}] ${text}` : `[${count} similar log lines] [${prefix}] ${text}`);
    }
  }
}

/** The last lines of a stream. */
export class Tail {
  readonly lines: string[] = [];

  add(line: string): void {
    this.lines.push(line);
    if (this.lines.length > TAIL_LINES) this.lines.shift();
  }
}

/** Cuts text into lines. `end` gives the last one, which no newline closed. */
export function lineSplitter(onLine: (line: string) => void): { write: (text: string) => void; end: () => void } {
  let rest = '';
  return {
    write: (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    },
    end: () => {
      if (rest !== '') onLine(rest);
      rest = '';
    },
  };
}
