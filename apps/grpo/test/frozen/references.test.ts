import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unneeded } from '../../src/frozen/references.ts';

const nameOf = (step: number) => `reference-${String(step).padStart(10, '0')}`;

test('a reference stays while a checkpoint may go on from it', () => {
  const names = ['reference', 'checkpoints', ...[40, 10, 30, 20].map(nameOf)];
  expect(unneeded(names, 25)).toEqual([nameOf(10)]);
  expect(unneeded(names, 30)).toEqual([nameOf(10), nameOf(20)]);
  expect(unneeded(names, 5)).toEqual([]);
  expect(unneeded(names, Number.POSITIVE_INFINITY)).toEqual([10, 20, 30].map(nameOf));
});

test('of every step from the oldest checkpoint on, the reference that was in use is there', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(50), { minLength: 1 }), fc.nat(50), (steps, oldest) => {
      const gone = unneeded(steps.map(nameOf), oldest);
      for (let step = oldest; step <= 50; step++) {
        const inUse = steps.filter((each) => each <= step).reduce((a, b) => Math.max(a, b), -1);
        if (inUse >= 0) expect(gone).not.toContain(nameOf(inUse));
      }
    }),
  );
});
