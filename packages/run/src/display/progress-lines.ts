import { duration } from './duration.ts';
import { sparkline } from './sparkline.ts';

/** How far a phase is. */
export interface ProgressState {
  readonly phase: string;
  /** Steps that are done, and all. */
  readonly done: number;
  readonly total: number;
  /** Steps a second; not a number before the first has ended. */
  readonly rate: number;
  readonly secondsLeft: number;
  /** What is said of the last step. */
  readonly fields: Readonly<Record<string, string>>;
  /** Numbers of the last steps, the newest at the end, by the names of fields. */
  readonly trends: Readonly<Record<string, readonly number[]>>;
}

/** A piece of a line; styles are those of a terminal. */
export interface Span {
  readonly text: string;
  readonly style?: 'dim' | 'bold' | 'bar' | 'trend';
}

const LINE_BAR = 20;
const TREND = 40;
const GAP = '  ';

/** All of it in one line, for a log. */
export function progressLine({ phase, done, total, rate, secondsLeft, fields }: ProgressState): string {
  return [
    `${phase.padEnd(7)} ${bar(done / total, LINE_BAR)} ${done}/${total}`,
    ...Object.entries(fields).map(([name, value]) => `${name} ${value}`),
    `${rate.toFixed(1)} steps/s`,
    `${duration(secondsLeft)} left`,
  ].join(GAP);
}

/** A block for a terminal of so many columns: the phase, a line for each trend, the other fields. No line is wider. */
export function progressBlock(state: ProgressState, columns: number): readonly (readonly Span[])[] {
  const { phase, done, total, rate, secondsLeft, fields, trends } = state;
  const steps = `${done}/${total}`;
  const pace = [`${rate.toFixed(1)} steps/s`, `${duration(secondsLeft)} left`].filter(() => Number.isFinite(rate));
  const room = columns - [phase, '', steps, ...pace].join(GAP).length;
  const width = Math.min(32, room);
  const head: readonly Span[] = [
    { text: phase, style: 'bold' },
    ...(width >= 5 ? [{ text: GAP }, { text: bar(done / total, width), style: 'bar' } as const] : []),
    ...[steps, ...pace].flatMap((text) => [{ text: GAP }, { text }]),
  ];
  const named = Object.entries(trends).filter(([, values]) => values.length > 1);
  const nameWidth = Math.max(0, ...named.map(([name]) => name.length));
  const trendLines = named.map(([name, values]): readonly Span[] => {
    const value = Object.hasOwn(fields, name) ? fields[name]! : ''; // a field may be called `constructor`
    const free = columns - nameWidth - value.length - 2 * GAP.length;
    return [
      { text: name.padEnd(nameWidth), style: 'dim' },
      { text: GAP },
      ...(free >= 5
        ? [{ text: sparkline(values, Math.min(TREND, free)), style: 'trend' } as const, { text: GAP }]
        : []),
      { text: value, style: 'bold' },
    ];
  });
  const rest = Object.entries(fields).filter(([name]) => !named.some(([other]) => other === name));
  const last = rest.flatMap(([name, value], i): Span[] => [
    ...(i > 0 ? [{ text: GAP }] : []),
    { text: `${name} `, style: 'dim' },
    { text: value },
  ]);
  return [head, ...trendLines, ...(last.length > 0 ? [last] : [])].map((line) => cut(line, columns));
}

function bar(share: number, width: number): string {
  const full = Math.round(Math.min(1, share) * width);
  return `${'█'.repeat(full)}${'░'.repeat(width - full)}`;
}

function cut(line: readonly Span[], columns: number): readonly Span[] {
  let left = columns;
  return line.flatMap((span) => {
    const text = span.text.slice(0, left);
    left -= text.length;
    return text === '' ? [] : [{ ...span, text }];
  });
}
