import { loadavg } from 'node:os';
import { median } from './median.ts';

/** One measured figure beside what it is compared with. */
export interface Figure {
  readonly bench: string;
  readonly value: number;
  readonly unit: string;
  readonly control: number;
  /** @default value / control */
  readonly ratio?: number;
}

/** Figures of rounds, each beside what it is compared with in that round. */
export interface Rounds extends Pick<Figure, 'bench' | 'unit'> {
  readonly values: readonly number[];
  readonly controls: readonly number[];
}

/** Prints a figure as a line of JSON, with the load of the machine. */
export function print({ bench, value, unit, control, ratio = value / control }: Figure): void {
  const rounded = (number: number) => Number(number.toPrecision(4));
  const figures = { bench, value: rounded(value), unit, control: rounded(control), ratio: rounded(ratio) };
  console.log(JSON.stringify({ ...figures, load: Number(loadavg()[0]?.toFixed(2)) }));
}

/** Prints medians. The ratio is the median of those of the rounds: what slows the machine for a while, slows both sides of a round. */
export function printRounds({ bench, values, unit, controls }: Rounds): void {
  const ratio = median(values.map((value, round) => value / controls[round]!));
  print({ bench, value: median(values), unit, control: median(controls), ratio });
}
