import { loadavg } from 'node:os';

/** One measured figure beside what it is compared with. */
export interface Figure {
  readonly bench: string;
  readonly value: number;
  readonly unit: string;
  readonly control: number;
}

/** Prints a figure as a line of JSON, with the load of the machine. */
export function print({ bench, value, unit, control }: Figure): void {
  const rounded = (number: number) => Number(number.toPrecision(4));
  const figures = { bench, value: rounded(value), unit, control: rounded(control), ratio: rounded(value / control) };
  console.log(JSON.stringify({ ...figures, load: Number(loadavg()[0]?.toFixed(2)) }));
}
