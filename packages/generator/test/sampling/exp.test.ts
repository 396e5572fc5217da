import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expNegative } from '../../src/sampling/exp.ts';

test('is e^x to the last bits for every x below 0 that has a normal result', () => {
  fc.assert(
    fc.property(fc.double({ min: -708, max: 0, noNaN: true }), (x) => {
      expect(Math.abs(expNegative(x) / Math.exp(x) - 1)).toBeLessThan(1e-15);
    }),
    { numRuns: 2000 },
  );
});

test('keeps what it cannot express apart: 0 below, NaN for NaN', () => {
  expect([0, -800, -1e300, Number.NEGATIVE_INFINITY, Number.NaN].map(expNegative)).toEqual([1, 0, 0, 0, Number.NaN]);
});
