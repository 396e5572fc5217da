import { LOG_LEVELS, type LogLevel } from './log-level.ts';
import type { LogLine, LogStream } from './log-line.ts';

/*
 * How a process passes on the lines of those that it started: on its own stdout and stderr, so that they keep their
 * order among its own, and so that none is lost however it ends. A frame begins with the record separator, which no
 * printed text has, and takes the rest of its line.
 */
const SEPARATOR = '\x1e';

/** What a line of output holds. */
export type Frame =
  | { readonly kind: 'line'; readonly line: Pick<LogLine, 'time' | 'process' | 'name' | 'rank' | 'level' | 'text'> }
  /** Everything printed before it has been passed on. */
  | { readonly kind: 'mark'; readonly mark: string };

/** A frame as it is printed. */
export function frameText(frame: Frame): string {
  return `${SEPARATOR}${JSON.stringify(frame)}\n`;
}

/** A line of output taken apart: the text that stands in it, and the frame behind that. */
export function parseFrame(output: string): { readonly text: string; readonly frame: Frame | undefined } {
  const at = output.indexOf(SEPARATOR);
  const frame = at < 0 ? undefined : frameOf(output.slice(at + 1));
  return frame === undefined ? { text: output, frame } : { text: output.slice(0, at), frame };
}

/** A line of output as a person reads it; `undefined` when it holds nothing to read. */
export function readableOutput(output: string): string | undefined {
  const { text, frame } = parseFrame(output);
  if (frame === undefined) return text;
  const passedOn = frame.kind === 'line' ? `[${frame.line.name}/${frame.line.rank}] ${frame.line.text}` : '';
  return text + passedOn === '' ? undefined : text + passedOn;
}

/** The line of a frame, told by the process that passed it on. */
export function passedOn(frame: Frame & { kind: 'line' }, stream: LogStream, within: string): LogLine {
  const { line } = frame;
  return { ...line, stream, name: `${within}/${line.name}`, count: 1, dropped: 0 };
}

/** `undefined` for what an actor printed that only looks like a frame. */
function frameOf(json: string): Frame | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  // Each field that is read is checked.
  const { kind, mark, line } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (kind === 'mark' && typeof mark === 'string') return { kind, mark };
  if (kind !== 'line' || typeof line !== 'object' || line === null) return undefined;
  const { time, process, name, rank, level, text } = line as Record<string, unknown>;
  const isSound =
    typeof time === 'number' &&
    typeof process === 'string' &&
    typeof name === 'string' &&
    typeof rank === 'number' &&
    typeof text === 'string' &&
    LOG_LEVELS.includes(level as LogLevel);
  return isSound ? { kind, line: { time, process, name, rank, level: level as LogLevel, text } } : undefined;
}
