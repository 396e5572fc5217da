import type { Platform } from '../program/platform.ts';
import { CHANNELS } from './channels.ts';
import { isAtLeast, LOG_LEVELS } from './log-level.ts';
import type { LogLine, LogOptions, ReadLogsOptions } from './log-line.ts';
import type { LogOutlet } from './log-outlet.ts';
import { LogReader } from './log-reader.ts';
import { LogWindow } from './log-window.ts';
import { ProcessLog, type ProcessLogOptions } from './process-log.ts';

const DEFAULTS = { print: true, windowMs: 100, level: 'trace' } as const satisfies Required<LogOptions>;

const published = CHANNELS['monarch:log'];

interface Reading {
  readonly take: (rank: number, line: LogLine) => void;
  readonly end: () => void;
}

/** Checks options of lines. @throws {RangeError} */
function checkLogOptions({ windowMs = 0, level = 'trace' }: LogOptions): void {
  if (!(windowMs >= 0)) throw new RangeError(`windowMs is ${windowMs}. It must not be negative.`);
  if (!LOG_LEVELS.includes(level)) throw new RangeError(`level is '${level}'. Take one of ${LOG_LEVELS.join(', ')}.`);
}

/** The lines of a group of processes: printed, and given to whoever reads them. */
export class GroupLog {
  readonly #platform: Pick<Platform, 'clock' | 'date'>;
  readonly #outlet: LogOutlet;
  readonly #readings = new Set<Reading>();
  #options: Required<LogOptions>;
  /** Processes whose output may go on, and places where one may start again. */
  #open = 0;

  constructor(platform: Pick<Platform, 'clock' | 'date'>, outlet: LogOutlet, options: LogOptions = {}) {
    checkLogOptions(options);
    this.#platform = platform;
    this.#outlet = outlet;
    this.#options = { ...DEFAULTS, ...options };
  }

  /** Changes how lines are printed from here on. What windows hold is printed before. @throws {RangeError} */
  set(options: LogOptions): void {
    checkLogOptions(options);
    this.flush();
    this.#options = { ...this.#options, ...options };
  }

  /** The log of a process of the group; to be ended with its output. */
  open(process: Pick<ProcessLogOptions, 'process' | 'rank' | 'name'>): ProcessLog {
    const onEnd = this.hold();
    const { date } = this.#platform;
    return new ProcessLog({ ...process, date, onLine: (line) => this.#add(process.rank, line), onEnd });
  }

  /** Readers go on until what it returns is called, whatever runs. */
  hold(): () => void {
    this.#open++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#open--;
      this.flush();
      if (this.#open === 0) this.#end();
    };
  }

  /** The lines of some ranks, from now until none of the processes runs. @throws {RangeError} */
  read(ranks: readonly number[], options: ReadLogsOptions): LogReader {
    checkLogOptions(options);
    const { level = 'trace', windowMs = 0 } = options;
    const wanted = new Set(ranks);
    const reader = new LogReader(() => this.#readings.delete(reading));
    const window = new LogWindow(this.#platform.clock, windowMs, (line) => reader.add(line));
    const reading: Reading = {
      take: (rank, line) => {
        if (wanted.has(rank) && isAtLeast(line.level, level)) window.add(line);
      },
      end: () => {
        window.flush();
        reader.end();
      },
    };
    if (this.#open === 0) reader.end();
    else this.#readings.add(reading);
    return reader;
  }

  /** Prints what windows hold. */
  flush(): void {
    this.#outlet.flush();
  }

  #add(rank: number, line: LogLine): void {
    const { print, windowMs, level } = this.#options;
    if (print && isAtLeast(line.level, level)) this.#outlet.add(line, windowMs);
    for (const { take } of this.#readings) take(rank, line);
    if (published.hasSubscribers) published.publish(line);
  }

  #end(): void {
    for (const { end } of this.#readings) end();
    this.#readings.clear();
  }
}
