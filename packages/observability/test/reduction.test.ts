import fc from 'fast-check';
import { expect, test } from 'vitest';
import { accumulate, merge, type Reduction, reduced } from '../src/index.ts';

const reductions: readonly Reduction[] = ['mean', 'sum', 'max', 'min', 'std'];
const over = (reduction: Reduction, values: readonly number[]) =>
  values.map((value) => accumulate(reduction, value)).reduce(merge);
const value = fc.integer({ min: -1000, max: 1000 });
const values = fc.array(value, { minLength: 1, maxLength: 12 });

test('each reduction gives its statistic', () => {
  const sample = [2, 4, 4, 4, 5, 5, 7, 9];
  expect(reductions.map((reduction) => reduced(over(reduction, sample)))).toEqual([5, 40, 9, 2, 2]);
});

test('a single value has no deviation', () => {
  expect(reduced(accumulate('std', 3.7))).toBe(0);
});

test('how the values are split over processes does not matter', () => {
  fc.assert(
    fc.property(fc.constantFrom(...reductions), values, values, (reduction, a, b) => {
      const together = reduced(over(reduction, [...a, ...b]));
      expect(reduced(merge(over(reduction, a), over(reduction, b)))).toBeCloseTo(together, 9);
      expect(reduced(merge(over(reduction, b), over(reduction, a)))).toBeCloseTo(together, 9);
    }),
  );
});

test('one metric is reduced in one way', () => {
  expect(() => merge(accumulate('sum', 1), accumulate('max', 1))).toThrow(/both by sum and by max/);
});
