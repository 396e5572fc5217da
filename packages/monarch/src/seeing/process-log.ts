import { parseFrame, passedOn } from './log-frame.ts';
import { type LogLevel, levelOf } from './log-level.ts';
import type { LogLine, LogStream } from './log-line.ts';

/** Characters of a line; what is longer comes as several. */
const MAX_LINE_CHARS = 2 ** 16;

/** Whose output is read. */
export interface ProcessLogOptions {
  /** Id of the process. */
  readonly process: string;
  /** Name of its group, which may be given late. */
  readonly name: () => string;
  readonly rank: number;
  /** Milliseconds since 1970. */
  readonly date: () => number;
  readonly onLine: (line: LogLine) => void;
  readonly onEnd: () => void;
}

/** What one process prints, made into log lines: its own, and those that it passes on for the processes it started. */
export class ProcessLog {
  readonly #options: ProcessLogOptions;
  readonly #latestLevel = new Map<LogStream, LogLevel>();
  /** Streams on which each mark has come, and who waits for both. */
  readonly #marks = new Map<string, { missing: number; readonly resolve: () => void }>();
  #ended = false;

  constructor(options: ProcessLogOptions) {
    this.#options = options;
  }

  /** Takes a line of its output. */
  read(stream: LogStream, output: string): void {
    const { text, frame } = parseFrame(output);
    if (frame === undefined || text !== '') this.#own(stream, text);
    if (frame?.kind === 'mark') this.#marked(frame.mark);
    if (frame?.kind !== 'line') return;
    const { name, rank, onLine } = this.#options;
    onLine(passedOn(frame, stream, `${name()}/${rank}`));
  }

  /** Resolves when a mark has come on both streams, or none can come any more. */
  async mark(mark: string): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((resolve) => this.#marks.set(mark, { missing: 2, resolve }));
  }

  /** Its output has ended. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const { resolve } of this.#marks.values()) resolve();
    this.#marks.clear();
    this.#options.onEnd();
  }

  #own(stream: LogStream, text: string): void {
    // A stack trace, or what else is indented, belongs to the line above it.
    const level = (/^\s/.test(text) && this.#latestLevel.get(stream)) || levelOf(stream, text);
    this.#latestLevel.set(stream, level);
    const { process, name, rank, date, onLine } = this.#options;
    const line = { time: date(), process, name: name(), rank, stream, level, count: 1, dropped: 0 };
    for (let from = 0; from === 0 || from < text.length; from += MAX_LINE_CHARS) {
      onLine({ ...line, text: text.slice(from, from + MAX_LINE_CHARS) });
    }
  }

  #marked(mark: string): void {
    const waiting = this.#marks.get(mark);
    if (waiting === undefined || --waiting.missing > 0) return;
    this.#marks.delete(mark);
    waiting.resolve();
  }
}
