import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Mixture } from '../src/index.ts';

const weights = fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1, maxLength: 6 });

test('each source serves its own samples in order, none twice and none left out', () => {
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 400 }), (given, count) => {
      const mixture = new Mixture(given);
      const served = given.map(() => 0);
      for (let number = 0; number < count; number++) {
        const { source, index } = mixture.at(number);
        expect(index).toBe(served[source]);
        served[source]! += 1;
      }
    }),
  );
});

test('at any count each source has served its share, to within five samples', () => {
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 1000 }), (given, count) => {
      const mixture = new Mixture(given);
      const total = given.reduce((sum, weight) => sum + weight, 0);
      const served = given.map(() => 0);
      for (let number = 0; number < count; number++) served[mixture.at(number).source]! += 1;
      for (const [source, weight] of given.entries()) {
        expect(Math.abs(served[source]! - (count * weight) / total)).toBeLessThan(5);
      }
    }),
  );
});

test('a number far out is found as quickly as the first', () => {
  const mixture = new Mixture([1, 3]);
  const far = 2 ** 50;
  const { source, index } = mixture.at(far);
  expect(index / far).toBeCloseTo(source === 0 ? 0.25 : 0.75, 9);
});

test('two sources of one weight take turns, but for some', () => {
  const mixture = new Mixture([1, 1]);
  const sources = Array.from({ length: 12 }, (_, number) => mixture.at(number).source);
  expect(sources).toEqual([0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1]);
});

test.each([[[0]], [[1, -1]], [[Number.NaN]], [[1, Number.POSITIVE_INFINITY]]])(
  'the weights %j are refused',
  (given) => {
    expect(() => new Mixture(given)).toThrow(/a weight is .*; expected one above 0/);
  },
);
