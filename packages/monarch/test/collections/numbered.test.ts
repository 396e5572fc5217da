import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Numbered } from '../../src/collections/numbered.ts';

test('things are found under their numbers until they are deleted, and no number is given twice', () => {
  // Of what is there, in per mille: which of it goes. Long ones make it grow and shrink.
  const steps = fc.array(fc.record({ add: fc.nat(900), remove: fc.array(fc.nat(999), { maxLength: 900 }) }), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(steps, (sequence) => {
      const numbered = new Numbered<string>();
      const model = new Map<number, string>();
      const given = new Set<number>();
      for (const { add, remove } of sequence) {
        for (let i = 0; i < add; i++) {
          const item = `${given.size}`;
          const number = numbered.add(item);
          expect(given.has(number)).toBe(false);
          given.add(number);
          model.set(number, item);
        }
        const there = [...model.keys()];
        for (const share of remove) {
          const number = there[Math.floor((share * there.length) / 1_000)];
          if (number !== undefined) expect(numbered.delete(number)).toBe(model.delete(number));
        }
        expect(numbered.values().toSorted()).toEqual([...model.values()].toSorted());
        for (const number of given) expect(numbered.get(number)).toBe(model.get(number));
      }
    }),
    { numRuns: 40 },
  );
});

test('one that stays does not make room grow for those that come and go', () => {
  const numbered = new Numbered<string>();
  const stays = numbered.add('stays');
  for (let i = 0; i < 100_000; i++) expect(numbered.delete(numbered.add('goes'))).toBe(true);
  expect(numbered.get(stays)).toBe('stays');
  // Sixteen places, of which one is always left out.
  expect(numbered.add('last')).toBeLessThan((100_002 * 17) / 15);
});
