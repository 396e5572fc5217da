import { loadavg } from 'node:os';

/** Prints a figure as one line of JSON; the control was measured in the same run. */
export function print(bench: string, value: number, unit: string, control?: number): void {
  const digits = (figure: number) => Number(figure.toPrecision(4));
  const ratio = control === undefined ? {} : { control: digits(control), ratio: digits(value / control) };
  console.log(JSON.stringify({ bench, value: digits(value), unit, ...ratio, load: digits(loadavg()[0] ?? 0) }));
}

/** The median of some numbers. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** How long a task takes, in milliseconds: the median of several runs. */
export async function medianMs(rounds: number, task: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    await task();
    times.push(performance.now() - start);
  }
  return median(times);
}
