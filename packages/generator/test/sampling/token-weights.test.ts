import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TokenWeights } from '../../src/sampling/token-weights.ts';

/** Weights with sums that are exact in any order; the best one is 1. */
const weights = fc
  .array(fc.integer({ min: 0, max: 1024 }), { minLength: 1, maxLength: 300 })
  .map((numbers) => Float64Array.from([...numbers, 1024], (number) => number / 1024));

function kept(values: Float64Array, p: number): Float64Array {
  const tokens = new TokenWeights(values.length);
  tokens.values_V.set(values);
  tokens.total = values.reduce((sum, value) => sum + value, 0);
  tokens.keepTopP(p);
  expect(tokens.total).toBe(tokens.values_V.reduce((sum, value) => sum + value, 0));
  return tokens.values_V;
}

/** What a sort of all tokens keeps. */
function keptOfSorted(values: Float64Array, p: number): Float64Array {
  const wanted = p * values.reduce((sum, value) => sum + value, 0);
  const left = new Float64Array(values.length);
  let mass = 0;
  for (const id of [...values.keys()].sort((a, b) => values[b]! - values[a]! || a - b)) {
    if (mass >= wanted && mass > 0) break;
    left[id] = values[id]!;
    mass += values[id]!;
  }
  return left;
}

describe('keepTopP', () => {
  test('keeps the very tokens that a sort of all keeps, ties included', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 63 }), (values, sixtyFourths) => {
        const p = sixtyFourths / 64;
        expect(kept(values, p)).toEqual(keptOfSorted(values, p));
      }),
      { numRuns: 500 },
    );
  });

  test('weights from 1 to the smallest there are keep their order', () => {
    const values = Float64Array.from({ length: 1075 }, (_, at) => 2 ** -at);
    for (const p of [0.5, 0.75, 1 - 2 ** -20]) expect(kept(values, p)).toEqual(keptOfSorted(values, p));
  });

  test('of weights that are all alike the first ids are kept', () => {
    const values = new Float64Array(1000).fill(1);
    expect(kept(values, 0.25)).toEqual(Float64Array.from(values, (value, id) => (id < 250 ? value : 0)));
  });

  test('one object serves one distribution after the other', () => {
    const tokens = new TokenWeights(4);
    for (const [logits, left] of [
      [
        [0, 0, 0, 0],
        [1, 1, 0, 0],
      ],
      [
        [9, 8, -9, 8],
        [1, 0, 0, 0],
      ],
      [
        [0, 0, 0, 0],
        [1, 1, 0, 0],
      ],
    ] as const) {
      tokens.fill(Float32Array.from(logits), 1);
      tokens.keepTopP(0.5);
      expect([...tokens.values_V]).toEqual(left);
    }
  });
});
