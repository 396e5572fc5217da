import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prefillBatches } from '../../src/runner/prefill-batches.ts';

const rowOf = (length: number) => ({ ids: Array<number>(length).fill(0) });
const costOf = (batches: readonly (readonly { readonly ids: readonly number[] }[])[]) =>
  batches.reduce((sum, batch) => sum + 16 + batch.length * Math.max(...batch.map(({ ids }) => ids.length)), 0);

/** All ways to cut a list into pieces. */
function cuts<Each>(list: readonly Each[]): readonly (readonly (readonly Each[])[])[] {
  if (list.length === 0) return [[]];
  return list.flatMap((_, at) => cuts(list.slice(at + 1)).map((rest) => [list.slice(0, at + 1), ...rest]));
}

test('every row is in one batch, and no other batches of rows in order of length cost less', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 8 }), (lengths) => {
      const rows = lengths.map(rowOf);
      const batches = prefillBatches(rows);
      expect(batches.flat()).toHaveLength(rows.length);
      expect(new Set(batches.flat())).toEqual(new Set(rows));
      const sorted = rows.toSorted((a, b) => b.ids.length - a.ids.length);
      expect(costOf(batches)).toBe(Math.min(...cuts(sorted).map(costOf)));
    }),
  );
});

test('rows of one length are one batch', () => {
  const rows = Array.from({ length: 256 }, () => rowOf(40));
  expect(prefillBatches(rows)).toEqual([rows]);
});
