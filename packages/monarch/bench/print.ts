import { loadavg } from 'node:os';

/** Prints one figure, with the control measured in the same run beside it. */
export function print(bench: string, value: number, unit: string, control?: number): void {
  const digits = (n: number) => Number(n.toPrecision(4));
  const ratio = control === undefined ? {} : { control: digits(control), ratio: digits(value / control) };
  console.log(JSON.stringify({ bench, value: digits(value), unit, ...ratio, load: digits(loadavg()[0] ?? 0) }));
}

/** The value in the place `share` of all, in order: 0.5 is the median. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Median over rounds, of ours and of the control in turn, so that both meet the same machine. */
export async function interleaved(
  ours: () => Promise<number>,
  control: () => Promise<number>,
  rounds = 5,
): Promise<{ ours: number; control: number }> {
  const [mine, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    mine.push(await ours());
    theirs.push(await control());
  }
  return { ours: quantile(mine, 0.5), control: quantile(theirs, 0.5) };
}

/** How long `work` takes. */
export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1_000;
}

/** The median time of one of `count` calls, one after the other. */
export async function medianSeconds(count: number, call: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push(await seconds(call));
  return quantile(times, 0.5);
}
