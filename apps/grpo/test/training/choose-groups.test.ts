import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseGroups } from '../../src/training/choose-groups.ts';
import { groupWith } from '../fixtures/groups.ts';

const numbers = (groups: readonly { readonly number: number }[]) => groups.map(({ number }) => number);

test('the groups whose rewards vary most are chosen, the earlier of equal ones, in their order', () => {
  const candidates = [
    groupWith(0, [1, 1, 1, 1]),
    groupWith(1, [1, 0, 0, 0]),
    groupWith(2, [1, 1, 0, 0]),
    groupWith(3, [0, 0, 1, 1]),
    groupWith(4, [1, 0, undefined, undefined]),
  ];
  expect(numbers(chooseGroups(candidates, 3).chosen)).toEqual([2, 3, 4]);
  expect(numbers(chooseGroups(candidates, 2).chosen)).toEqual([2, 3]);
  expect(numbers(chooseGroups(candidates, 2).others)).toEqual([0, 1, 4]);
});

test('nobody is lost', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.constantFrom(0, 0.5, 1), { minLength: 1 })), fc.nat(8), (rewards, count) => {
      const candidates = rewards.map((row, i) => groupWith(i, row));
      const { chosen, others } = chooseGroups(candidates, count);
      expect(chosen.length).toBe(Math.min(count, candidates.length));
      expect(numbers([...chosen, ...others]).toSorted((a, b) => a - b)).toEqual(numbers(candidates));
    }),
  );
});
