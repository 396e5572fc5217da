import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fewestSessions, roundRobin } from '../src/routing/router.ts';

const idle = (index: number) => ({ index, inFlight: 0, assignedSessions: 0 });

test('over n candidates, n picks in a row are all of them', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(20), { minLength: 1 }), fc.nat(30), (indices, warmUp) => {
      const candidates = indices.toSorted((a, b) => a - b).map(idle);
      const pick = roundRobin();
      for (let i = 0; i < warmUp; i++) pick(candidates);
      const picked = candidates.map(() => pick(candidates).index);
      expect(picked.toSorted((a, b) => a - b)).toEqual(candidates.map(({ index }) => index));
    }),
  );
});

test('a candidate that was away takes its turn where it belongs', () => {
  const pick = roundRobin();
  const all = [0, 1, 2].map(idle);
  expect(pick(all).index).toBe(0);
  expect(pick([idle(0), idle(2)]).index).toBe(2);
  expect(pick(all).index).toBe(0);
  expect(pick(all).index).toBe(1);
});

test('the fewest sessions win, then the fewest requests, then turns', () => {
  const pick = fewestSessions();
  expect(
    pick([
      { ...idle(0), assignedSessions: 1 },
      { ...idle(1), inFlight: 5 },
    ]).index,
  ).toBe(1);
  expect(pick([{ ...idle(0), inFlight: 2 }, idle(1), { ...idle(2), inFlight: 1 }]).index).toBe(1);
  expect([0, 1, 2].map(() => pick([0, 1, 2].map(idle)).index)).toEqual([2, 0, 1]);
});
