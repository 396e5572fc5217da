/** A number in as few signs as tell it from its neighbours. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (value === 0) return '0';
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2);
  if (size >= 1e4) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(4)));
}

/** Seconds as 1 h 02 min, 3 min 20 s, or 12.3 s. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds * 10) / 10} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3_600)} h ${String(Math.floor((seconds % 3_600) / 60)).padStart(2, '0')} min`;
}

/** Exponential moving average; 0 leaves the numbers as they are. */
export function smooth(values: readonly number[], smoothing: number): number[] {
  let average = 0;
  let weight = 0;
  return values.map((value) => {
    average = smoothing * average + (1 - smoothing) * value;
    weight = smoothing * weight + (1 - smoothing);
    return average / weight; // the beginning counts in full
  });
}
