import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextBeta } from '../../src/training/next-beta.ts';

const settings = { target: 0.1, horizon: 1000 };

test('the weight grows where the policy is too far away, and shrinks where it is too near', () => {
  expect(nextBeta(0.2, { kl: 0.11, completions: 100 }, settings)).toBeCloseTo(0.2 * (1 + (0.1 * 100) / 1000), 12);
  expect(nextBeta(0.2, { kl: 5, completions: 100 }, settings)).toBeCloseTo(0.2 * 1.02, 12);
  expect(nextBeta(0.2, { kl: 0, completions: 100 }, settings)).toBeCloseTo(0.2 * 0.98, 12);
});

test('it stays where it is without a target, or where nobody measured', () => {
  expect(nextBeta(0.2, { kl: 5, completions: 100 }, { target: undefined, horizon: 1 })).toBe(0.2);
  expect(nextBeta(0.2, { kl: undefined, completions: 100 }, settings)).toBe(0.2);
});

test('it brings a policy that yields to it to the target', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (begin, target) => {
        let beta = begin;
        const klAt = (weight: number): number => 0.05 / weight; // the more it costs, the nearer it stays
        for (let step = 0; step < 400; step++) {
          beta = nextBeta(beta, { kl: klAt(beta), completions: 100 }, { target, horizon: 500 });
        }
        expect(klAt(beta)).toBeCloseTo(target, 2);
      },
    ),
  );
});
