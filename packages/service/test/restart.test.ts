import fc from 'fast-check';
import { expect, test } from 'vitest';
import { restartDelay } from '../src/replicas/restart.ts';

test('the wait doubles from 0.2 s, and the sixth loss within a minute is final', () => {
  const restarts: number[] = [];
  const delays = [0, 1, 2, 3, 4, 5].map(() => {
    const delay = restartDelay(restarts, 100);
    restarts.push(100);
    return delay;
  });
  expect(delays).toEqual([200, 400, 800, 1600, 3200, undefined]);
});

test('restarts of more than a minute ago no longer count', () => {
  expect(restartDelay([0, 1, 2, 3, 4], 59_999)).toBeUndefined();
  expect(restartDelay([0, 1, 2, 3, 4], 60_000)).toBe(3200);
  expect(restartDelay([0, 1, 2, 3, 4], 60_004)).toBe(200);
});

test('no wait is longer than 30 s', () => {
  fc.assert(
    fc.property(fc.nat(500), (count) => {
      const delay = restartDelay(new Array(count).fill(0), 0, { maxRestarts: 1000 });
      expect(delay).toBe(Math.min(200 * 2 ** count, 30_000));
    }),
  );
});

test('no restarts means none', () => {
  expect(restartDelay([], 0, { maxRestarts: 0 })).toBeUndefined();
});
