import type { LogLevel } from './log-level.ts';

/** Where a process printed. */
export type LogStream = 'stdout' | 'stderr';

/** A line that a process of the program printed. */
export interface LogLine {
  /** Milliseconds since 1970, when its parent read it. */
  readonly time: number;
  /** Id of the process, such as `0.3`. */
  readonly process: string;
  /** Name of its mesh of processes; of one that an actor started, behind the name of the process it runs in. */
  readonly name: string;
  readonly rank: number;
  readonly stream: LogStream;
  readonly level: LogLevel;
  /** As it was printed, without the line break. */
  readonly text: string;
  /** Lines that this one stands for: itself, and similar ones of the same window. */
  readonly count: number;
  /** Lines lost just before this one because their reader was slow. */
  readonly dropped: number;
}

/** How the lines of processes are printed. */
export interface LogOptions {
  /** Print them on stdout and stderr of the program. @default true */
  readonly print?: boolean;
  /** Time in which similar lines are put together, in milliseconds; 0 prints each line at once. @default 100 */
  readonly windowMs?: number;
  /** Lines below it are not printed. @default 'trace': all */
  readonly level?: LogLevel;
}

/** How lines are read. */
export interface ReadLogsOptions {
  /** Lines below it are left out. @default 'trace': all */
  readonly level?: LogLevel;
  /** Time in which similar lines are put together, in milliseconds. @default 0: each line for itself, at once */
  readonly windowMs?: number;
}
