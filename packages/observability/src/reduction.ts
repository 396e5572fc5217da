/** How many values of one metric become one: within a process, and again over all of them. */
export type Reduction = 'mean' | 'sum' | 'max' | 'min' | 'std';

/**
 * What is kept of the values seen so far. Everything that any reduction needs: two states of one metric merge exactly,
 * in any order.
 */
export interface Accumulated {
  readonly reduction: Reduction;
  readonly count: number;
  readonly sum: number;
  readonly sumOfSquares: number;
  readonly max: number;
  readonly min: number;
}

const results = {
  mean: ({ sum, count }) => sum / count,
  sum: ({ sum }) => sum,
  max: ({ max }) => max,
  min: ({ min }) => min,
  // Of the population, as TorchForge's Reduce.STD: one value has none. Rounding may leave a tiny negative variance.
  std: ({ sum, sumOfSquares, count }) => Math.sqrt(Math.max(0, sumOfSquares / count - (sum / count) ** 2)),
} satisfies Record<Reduction, (state: Accumulated) => number>;

/** The state after a single value. */
export function accumulate(reduction: Reduction, value: number): Accumulated {
  return { reduction, count: 1, sum: value, sumOfSquares: value * value, max: value, min: value };
}

/**
 * The state of the values of both.
 *
 * @throws {TypeError} when the two are reduced differently.
 */
export function merge(a: Accumulated, b: Accumulated): Accumulated {
  if (a.reduction !== b.reduction) {
    throw new TypeError(`One metric cannot be reduced both by ${a.reduction} and by ${b.reduction}.`);
  }
  return {
    reduction: a.reduction,
    count: a.count + b.count,
    sum: a.sum + b.sum,
    sumOfSquares: a.sumOfSquares + b.sumOfSquares,
    max: Math.max(a.max, b.max),
    min: Math.min(a.min, b.min),
  };
}

/** The one number that the values are reported as. */
export function reduced(state: Accumulated): number {
  return results[state.reduction](state);
}
