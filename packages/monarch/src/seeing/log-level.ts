import { stripVTControlCharacters } from 'node:util';

/** How much a line matters, least first. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What programs call their levels. */
const WORDS: Readonly<Record<string, LogLevel>> = {
  trace: 'trace',
  verbose: 'debug',
  debug: 'debug',
  info: 'info',
  notice: 'info',
  warn: 'warn',
  warning: 'warn',
  err: 'error',
  error: 'error',
  severe: 'error',
  crit: 'fatal',
  critical: 'fatal',
  fatal: 'fatal',
  panic: 'fatal',
};

/** First letters of glog lines. */
const LETTERS: Readonly<Record<string, LogLevel>> = { I: 'info', W: 'warn', E: 'error', F: 'fatal' };

/** pino, bunyan: 10 trace, 20 debug … 60 fatal. */
const byNumber = (number: number): LogLevel => LOG_LEVELS[Math.min(Math.max(Math.floor(number / 10), 1), 6) - 1]!;
const byWord = (word: string): LogLevel | undefined => WORDS[word.toLowerCase()];

/** Time and date before the level, in brackets or not. */
const STAMP = String.raw`(?:\[?\d[\d:.,/TZ+ -]{6,}\]?[ |-]*)?`;

/** Recognised beginnings; the first that matches and names a level decides. */
const FORMS: readonly (readonly [RegExp, (found: string) => LogLevel | undefined])[] = [
  [/^\{.*?"(?:level|severity|lvl)":\s*(\d+)/, (number) => byNumber(Number(number))],
  [/^\{.*?"(?:level|severity|lvl)":\s*"(\w+)"/, byWord],
  [/(?:^|\s)(?:level|lvl|severity)="?(\w+)/, byWord],
  [/^([IWEF])\d{4} \d\d:/, (letter) => LETTERS[letter]],
  [new RegExp(`^${STAMP}[[(<]?([A-Z]{3,8})\\b`), byWord],
  [new RegExp(`^${STAMP}[[(<]?([A-Za-z]{3,8})[\\]>):]`), byWord],
  [/^\(node:\d+\) /, () => 'warn'],
  [/^(?:Uncaught )?(?:[A-Z]\w*)?(?:Error|Exception)(?: \[|:|$)/, () => 'error'],
];

/** Level of a line: what its text says, otherwise `warn` on stderr and `info` on stdout. */
export function levelOf(stream: 'stdout' | 'stderr', text: string): LogLevel {
  const plain = stripVTControlCharacters(text.slice(0, 1_000));
  for (const [form, level] of FORMS) {
    const found = form.exec(plain);
    const named = found === null ? undefined : level(found[1] ?? '');
    if (named !== undefined) return named;
  }
  return stream === 'stderr' ? 'warn' : 'info';
}

/** Whether a line of `level` matters as much as `least`. */
export function isAtLeast(level: LogLevel, least: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
}
