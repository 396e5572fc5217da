import { stripVTControlCharacters } from 'node:util';
import type { Platform } from '../program/platform.ts';
import { frameText } from './log-frame.ts';
import type { LogLine } from './log-line.ts';
import { LogWindow } from './log-window.ts';

/** Where the lines go that this process prints for those that it started. */
export interface LogOutlet {
  add(line: LogLine, windowMs: number): void;
  /** Prints what windows hold. */
  flush(): void;
  /** Tells whoever reads this process's output that everything before has been passed on. */
  mark(mark: string): void;
}

/** Of the root: prints lines behind their process's name, similar ones as one. */
export function logPrinter(platform: Pick<Platform, 'clock' | 'write' | 'isTerminal'>): LogOutlet {
  // One for each length, so that the same line of several groups becomes one, too.
  const windows = new Map<number, LogWindow>();
  const print = ({ stream, name, rank, text, count }: LogLine) => {
    const several = count === 1 ? '' : `[${count} similar log lines] `;
    platform.write(stream, `${several}[${name}/${rank}] ${platform.isTerminal(stream) ? text : plain(text)}\n`);
  };
  return {
    add: (line, windowMs) => {
      let window = windows.get(windowMs);
      if (window === undefined) {
        window = new LogWindow(platform.clock, windowMs, print);
        windows.set(windowMs, window);
      }
      window.add(line);
    },
    flush: () => {
      for (const window of windows.values()) window.flush();
    },
    mark: () => {},
  };
}

/** Of every other process: passes lines on to its parent, each at once. */
export function logRelay(platform: Pick<Platform, 'write'>): LogOutlet {
  return {
    add: ({ stream, time, process, name, rank, level, text }) =>
      platform.write(stream, frameText({ kind: 'line', line: { time, process, name, rank, level, text } })),
    flush: () => {},
    mark: (mark) => {
      for (const stream of ['stdout', 'stderr'] as const) platform.write(stream, frameText({ kind: 'mark', mark }));
    },
  };
}

/** Text without colours and without what else is no text. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it removes
  return stripVTControlCharacters(text).replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '');
}
