/** Points of a line. */
export interface Series {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** What of a line is to be drawn. */
export interface Window {
  /** @default the first */
  readonly from?: number;
  /** @default the last */
  readonly to?: number;
  /** Columns of the picture; each gets four points at most. @default 600 */
  readonly columns?: number;
}

/**
 * The points of a line that a picture of so many columns needs: of each column the first, the lowest, the highest and the last.
 * Drawn from these it has the same pixels. Points without a number are left out, and one on each side of the window is kept.
 *
 * Source: Jugel et al. 2014, "M4: A Visualization-Oriented Time Series Data Aggregation".
 *
 * @param x - in ascending order.
 */
export function downsample(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  { from, to, columns = 600 }: Window = {},
): Series {
  const [start, end] = windowOf(x, y, from, to);
  const kept: number[] = [];
  const width = (x[end - 1]! - x[start]!) / columns; // of the points there are
  for (let i = start; i < end; ) {
    const edge = width > 0 ? x[start]! + (Math.floor((x[i]! - x[start]!) / width) + 1) * width : Infinity;
    let [first, low, high, last] = [-1, -1, -1, -1];
    for (const begin = i; i < end && (i === begin || x[i]! < edge); i++) {
      if (Number.isNaN(y[i]!)) continue;
      if (first < 0) first = low = high = i;
      if (y[i]! < y[low]!) low = i;
      if (y[i]! > y[high]!) high = i;
      last = i;
    }
    if (first >= 0) kept.push(...new Set([first, low, high, last].toSorted((a, b) => a - b)));
  }
  return { x: kept.map((i) => x[i]!), y: kept.map((i) => y[i]!) };
}

/** The points within a window and the next with a number on either side, so that lines leave the picture where they should. */
function windowOf(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  from = -Infinity,
  to = Infinity,
): readonly [number, number] {
  let start = lowerBound(x, from);
  let end = lowerBound(x, to);
  while (end < x.length && x[end]! <= to) end++;
  for (let i = start - 1; i >= 0; i--) {
    if (!Number.isNaN(y[i]!)) {
      start = i;
      break;
    }
  }
  for (let i = end; i < x.length; i++) {
    if (!Number.isNaN(y[i]!)) {
      end = i + 1;
      break;
    }
  }
  return [start, end];
}

/** Place of the first number that is not below. */
function lowerBound(sorted: ArrayLike<number>, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
