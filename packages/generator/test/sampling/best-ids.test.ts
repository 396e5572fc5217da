import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bestIds } from '../../src/sampling/best-ids.ts';

test('are the first of all ids sorted by value, the lower id first among equals, without -Infinity', () => {
  const value = fc.oneof(fc.integer({ min: -4, max: 4 }), fc.constant(Number.NEGATIVE_INFINITY));
  fc.assert(
    fc.property(fc.array(value, { maxLength: 40 }), fc.integer({ min: 1, max: 50 }), (values, count) => {
      const sorted = [...values.keys()]
        .filter((id) => values[id] !== Number.NEGATIVE_INFINITY)
        .sort((a, b) => values[b]! - values[a]! || a - b);
      expect(bestIds(Float32Array.from(values), count)).toEqual(sorted.slice(0, count));
    }),
  );
});
