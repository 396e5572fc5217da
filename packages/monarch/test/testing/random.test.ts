import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../src/testing/random.ts';

const first = (random: { next(): number }) => Array.from({ length: 4 }, () => random.next());

test('every seed, and every fork of it, has numbers of its own, and always the same', () => {
  const seen = new Set<string>();
  for (let seed = -50; seed < 1_000; seed++) {
    for (const make of [seededRandom, ...['x', 'y'].map((name) => (s: number) => seededRandom(s).fork(name))]) {
      const numbers = first(make(seed));
      expect(first(make(seed))).toEqual(numbers);
      seen.add(String(numbers));
    }
  }
  expect(seen.size).toBe(3 * 1_050);
});

test('draws from a fork do not move what it was forked from', () => {
  const [one, other] = [seededRandom(5), seededRandom(5)];
  first(one.fork('x'));
  expect(first(one)).toEqual(first(other));
});

test('numbers stay within their bounds and reach all of them', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 20 }), (seed, limit) => {
      const random = seededRandom(seed);
      const counts = new Array<number>(limit).fill(0);
      for (let i = 0; i < 100 * limit; i++) counts[random.below(limit)]! += 1;
      expect(counts).toHaveLength(limit);
      // 100 are expected; fewer than 40 or more than 180 come by chance less than once in a million draws of a seed.
      expect(Math.min(...counts)).toBeGreaterThan(40);
      expect(Math.max(...counts)).toBeLessThan(180);
      const between = random.between(-2, 3);
      expect(between >= -2 && between < 3).toBe(true);
    }),
    { numRuns: 50 },
  );
  expect(() => seededRandom(1).pick([])).toThrow(RangeError);
});
