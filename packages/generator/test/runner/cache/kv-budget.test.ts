import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KvBudget } from '../../../src/runner/cache/kv-budget.ts';

const tokens = fc.integer({ min: 1, max: 500 });
const room = fc.record({ numSlots: fc.integer({ min: 1, max: 20 }), longest: tokens });

test('an extent has room for what was asked, and is within the budget if that is', () => {
  const current = fc.record({ numSlots: fc.nat(20), capacity: fc.nat(20).map((buckets) => buckets * 64) });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 20_000 }), current, room, fc.nat(2_000), (max, held, asked, scratch) => {
      const budget = new KvBudget(max);
      const demand = { ...asked, numScratchTokens: scratch };
      const { numSlots, capacity } = budget.extentFor(held, demand);
      expect(numSlots).toBeGreaterThanOrEqual(asked.numSlots);
      expect(capacity).toBeGreaterThanOrEqual(asked.longest);
      if (budget.fits(demand)) expect(budget.numFree({ numSlots, capacity }, scratch)).toBeGreaterThanOrEqual(0);
    }),
  );
});

test('two sequences of the greatest length fit beside the scratch memory of one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100_000 }), (max) => {
      const budget = new KvBudget(max);
      const longest = budget.maxSequenceTokens;
      expect(budget.fits({ numSlots: 2, longest, numScratchTokens: longest })).toBe(true);
    }),
  );
});

test('a growing sequence is moved seldom where there is room', () => {
  const budget = new KvBudget(Number.POSITIVE_INFINITY);
  let extent = { numSlots: 0, capacity: 0 };
  let numMoves = 0;
  for (let longest = 1; longest <= 1024; longest++) {
    const next = budget.extentFor(extent, { numSlots: 3, longest, numScratchTokens: 0 });
    if (next !== extent && next.capacity !== extent.capacity) numMoves++;
    extent = next;
  }
  expect(numMoves).toBe(5); // 64, 128, 256, 512, 1024
  expect(extent).toEqual({ numSlots: 4, capacity: 1024 });
});
