const LEVELS = '▁▂▃▄▅▆▇█';

/** The last values as a line of bars, one character each. Shares have the scale from 0 to 1, other numbers their own. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const areShares = shown.every((value) => value >= 0 && value <= 1);
  const [low, high] = areShares ? [0, 1] : [Math.min(...shown), Math.max(...shown)];
  return shown
    .map((value) => {
      if (!Number.isFinite(value)) return ' ';
      const share = high > low ? (value - low) / (high - low) : 0.5;
      return LEVELS[Math.min(LEVELS.length - 1, Math.floor(share * LEVELS.length))];
    })
    .join('');
}
