import { availableParallelism, loadavg } from 'node:os';

/** What a bench came to, beside the control that was measured in the same run. */
export interface Figure {
  readonly bench: string;
  readonly value: number;
  readonly unit: string;
  readonly control: number;
}

/** Prints a figure as a line of JSON. */
export function report({ bench, value, unit, control }: Figure): void {
  const round = (figure: number) => Number(figure.toPrecision(4));
  console.log(
    JSON.stringify({
      bench,
      value: round(value),
      unit,
      control: round(control),
      ratio: round(value / control),
      load: round(loadavg()[0] ?? 0),
      cores: availableParallelism(),
    }),
  );
}

/** The middle one. */
export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
