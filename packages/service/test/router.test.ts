import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Candidate, RoutedCall } from '../src/index.ts';
import { consistentHash, leastLoaded, powerOfTwo, roundRobin } from '../src/index.ts';
import { rendezvous } from '../src/routing/rendezvous.ts';
import { fewestSessions } from '../src/routing/router.ts';

const idle = (index: number): Candidate => ({ index, inFlight: 0, hasFreeSlot: true, assignedSessions: 0 });
const called = (call: Partial<RoutedCall> = {}): RoutedCall => ({
  ...{ endpoint: 'echo', args: [], key: undefined, lastIndex: -1, random: () => 0, expectedMs: () => 1 },
  ...call,
});
const replicas = fc
  .uniqueArray(fc.record({ index: fc.nat(20), inFlight: fc.nat(5), hasFreeSlot: fc.boolean() }), {
    selector: ({ index }) => index,
    minLength: 1,
  })
  .map((list) => list.map((one) => ({ ...idle(one.index), ...one })).toSorted((a, b) => a.index - b.index));
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('round robin', () => {
  test('over n replicas, n picks in a row are all of them, whichever got the last call', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(20), { minLength: 1 }), fc.integer({ min: -1, max: 20 }), (indices, last) => {
        const sorted = indices.toSorted((a, b) => a - b);
        let lastIndex = last;
        const picked = sorted.map(() => {
          lastIndex = roundRobin(sorted.map(idle), called({ lastIndex }))?.index ?? -1;
          return lastIndex;
        });
        expect(picked.toSorted((a, b) => a - b)).toEqual(sorted);
      }),
    );
  });

  test('a replica that was away takes its turn where it belongs', () => {
    expect(roundRobin([idle(0), idle(2)], called({ lastIndex: 0 }))?.index).toBe(2);
    expect(roundRobin([idle(0), idle(1), idle(2)], called({ lastIndex: 2 }))?.index).toBe(0);
  });
});

test.each([
  ['round robin', roundRobin],
  ['least loaded', leastLoaded],
  ['power of two', powerOfTwo],
])('%s picks a free replica, and none exactly when none is free', (_, router) => {
  fc.assert(
    fc.property(replicas, chance, chance, fc.integer({ min: -1, max: 20 }), (list, one, other, lastIndex) => {
      const chances = [one, other];
      const pick = router(list, called({ lastIndex, random: () => chances.shift() ?? 0 }));
      expect(pick === undefined).toBe(list.every(({ hasFreeSlot }) => !hasFreeSlot));
      expect(pick?.hasFreeSlot ?? true).toBe(true);
    }),
  );
});

describe('least loaded', () => {
  test('no free replica should end the call before the one that it picks', () => {
    fc.assert(
      fc.property(replicas, fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 21, maxLength: 21 }), (list, ms) => {
        const call = called({ expectedMs: ({ index }) => ms[index] ?? 1 });
        const endMs = (one: Candidate) => (one.inFlight + 1) * call.expectedMs(one);
        const pick = leastLoaded(list, call);
        for (const one of list) if (pick && one.hasFreeSlot) expect(endMs(one)).toBeGreaterThanOrEqual(endMs(pick));
      }),
    );
  });

  test('equals take turns', () => {
    const list = [idle(0), { ...idle(1), inFlight: 1 }, idle(2)];
    expect([-1, 0, 1, 2].map((lastIndex) => leastLoaded(list, called({ lastIndex }))?.index)).toEqual([0, 2, 2, 0]);
  });
});

describe('power of two', () => {
  test('of the two that are drawn it picks the lesser loaded', () => {
    const list = [0, 1, 2, 3].map((index) => ({ ...idle(index), inFlight: 3 - index }));
    // The first of four, then the last of the other three; then the same two the other way round.
    expect(powerOfTwo(list, called({ random: sequence(0, 0.99) }))?.index).toBe(3);
    expect(powerOfTwo(list, called({ random: sequence(0.99, 0) }))?.index).toBe(3);
    expect(powerOfTwo(list, called({ random: sequence(0, 0) }))?.index).toBe(1);
  });

  test('it never draws one twice, so the most loaded of several is never picked', () => {
    fc.assert(
      fc.property(chance, chance, (one, other) => {
        const list = [{ ...idle(0), inFlight: 9 }, idle(1), idle(2)];
        expect(powerOfTwo(list, called({ random: sequence(one, other) }))?.index).not.toBe(0);
      }),
    );
  });
});

describe('consistent hash', () => {
  const indices = fc.uniqueArray(fc.nat(30), { minLength: 2, maxLength: 12 });

  test('a replica that leaves moves its own keys and no others, one that joins takes only what becomes its own', () => {
    fc.assert(
      fc.property(indices, fc.array(fc.string(), { maxLength: 30 }), (all, keys) => {
        const [leaver] = all;
        const before = all.map(idle);
        const after = before.filter(({ index }) => index !== leaver);
        for (const key of keys) {
          const home = rendezvous(before, key)?.index;
          if (home !== leaver) expect(rendezvous(after, key)?.index).toBe(home);
        }
      }),
    );
  });

  test('keys spread evenly: of 10,000, each of 5 replicas has 2,000, give or take a tenth', () => {
    const counts = new Map<number, number>();
    for (let key = 0; key < 10_000; key++) {
      const home = rendezvous([0, 1, 2, 3, 4].map(idle), `user-${key}`)?.index ?? -1;
      counts.set(home, (counts.get(home) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(200);
    expect(counts.size).toBe(5);
  });

  test('a number and its text are one key, and a busy replica keeps its keys', () => {
    const list = [0, 1, 2].map((index) => ({ ...idle(index), hasFreeSlot: false }));
    expect(consistentHash(list, called({ key: 7 }))).toBe(consistentHash(list, called({ key: '7' })));
    expect(consistentHash(list, called({ key: 7n }))).toBeDefined();
  });

  test('without a key it says what is missing', () => {
    expect(() => consistentHash([idle(0)], called())).toThrow(
      expect.objectContaining({ code: 'ERR_SERVICE_OPTIONS', option: 'key' }),
    );
  });
});

test('sessions: the fewest sessions win, then the fewest calls, then turns', () => {
  const pick = fewestSessions(
    [
      { ...idle(0), assignedSessions: 1 },
      { ...idle(1), inFlight: 5 },
    ],
    -1,
  );
  expect(pick?.index).toBe(1);
  expect(fewestSessions([{ ...idle(0), inFlight: 2 }, idle(1), { ...idle(2), inFlight: 1 }], -1)?.index).toBe(1);
  expect([-1, 0, 1, 2].map((last) => fewestSessions([0, 1, 2].map(idle), last)?.index)).toEqual([0, 1, 2, 0]);
});

function sequence(...chances: number[]): () => number {
  return () => chances.shift() ?? 0;
}
