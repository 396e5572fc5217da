import fc from 'fast-check';
import { expect, test } from 'vitest';
import { restartDelayMs } from '../src/replicas/restart.ts';

test('the wait doubles from 0.2 s, and the sixth loss within a minute is final', () => {
  const restarts: number[] = [];
  const delays = [0, 1, 2, 3, 4, 5].map(() => {
    const delay = restartDelayMs(restarts, { nowMs: 100, chance: 0 });
    restarts.push(100);
    return delay;
  });
  expect(delays).toEqual([200, 400, 800, 1600, 3200, undefined]);
});

test('restarts of more than a minute ago no longer count', () => {
  expect(restartDelayMs([0, 1, 2, 3, 4], { nowMs: 59_999, chance: 0 })).toBeUndefined();
  expect(restartDelayMs([0, 1, 2, 3, 4], { nowMs: 60_000, chance: 0 })).toBe(3200);
  expect(restartDelayMs([0, 1, 2, 3, 4], { nowMs: 60_004, chance: 0 })).toBe(200);
});

test('no wait is longer than 30 s, and up to half of it more by chance', () => {
  fc.assert(
    fc.property(fc.nat(500), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (count, chance) => {
      const delay = restartDelayMs(new Array(count).fill(0), { nowMs: 0, chance }, { maxRestarts: 1000 });
      expect(delay).toBe(Math.min(200 * 2 ** count, 30_000) * (1 + chance / 2));
    }),
  );
});

test('no restarts means none', () => {
  expect(restartDelayMs([], { nowMs: 0, chance: 0 }, { maxRestarts: 0 })).toBeUndefined();
});
