import type { Shape } from '@forge/tensor';

/**
 * The sum of the squares of each row, in float64. Sums of squares that are made of those of rows, one row after the other,
 * are the same bits however the rows are spread over ranks.
 *
 * @param shape - `[rows, ...]`
 */
export function rowSquares(data: Float32Array, shape: Shape): Float64Array {
  const rows = new Float64Array(shape[0] ?? 1);
  const width = rows.length === 0 ? 0 : data.length / rows.length;
  for (let row = 0; row < rows.length; row++) {
    let sum = 0;
    for (let i = row * width; i < (row + 1) * width; i++) sum += data[i]! * data[i]!;
    rows[row] = sum;
  }
  return rows;
}

/** Euclidean norm of everything, by the squares of its rows in their order. */
export function normOfRows(squares: Iterable<Float64Array>): number {
  let sum = 0;
  for (const rows of squares) for (const square of rows) sum += square;
  return Math.sqrt(sum);
}
