import fc from 'fast-check';
import { expect, test } from 'vitest';
import { normalizeDim } from '../src/dim.ts';
import { addDims, type Dim, divideDims, multiplyDims, subtractDims } from '../src/index.ts';

const names = { rows: 3, tokens: 5, past: 7 } as const;
const term = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.subarray(Object.keys(names)))
  .map(([coefficient, factors]) => [coefficient, ...factors].join('*'));
const dim = fc.oneof(
  fc.nat(9),
  fc.array(term, { minLength: 1, maxLength: 3 }).map((terms) => terms.join('+')),
);

/** The size at run time. */
const at = (size: Dim): number =>
  Number(new Function(...Object.keys(names), `return ${size}`)(...Object.values(names)));

test('sums, differences and products are those of the sizes at run time', () => {
  fc.assert(
    fc.property(dim, dim, (a, b) => {
      expect(at(addDims(a, b))).toBe(at(a) + at(b));
      expect(at(subtractDims(a, b))).toBe(at(a) - at(b));
      expect(at(multiplyDims(a, b))).toBe(at(a) * at(b));
    }),
  );
});

test('a product divided by a factor is the other factor', () => {
  fc.assert(
    fc.property(
      dim,
      dim.filter((b) => b !== 0),
      (a, b) => {
        expect(divideDims(multiplyDims(a, b), b)).toBe(normalizeDim(a));
      },
    ),
  );
});

test('equal sizes are written alike', () => {
  expect(multiplyDims('tokens', 'rows')).toBe('rows*tokens');
  expect(addDims('tokens', 'past', -1)).toBe('past+tokens-1');
  expect(subtractDims('past+tokens', 'past')).toBe('tokens');
  expect(multiplyDims('rows', 2, 3)).toBe('6*rows');
  expect(subtractDims('rows', 'rows')).toBe(0);
});

test('a division with a rest has no result', () => {
  expect(divideDims('rows*tokens', 'past')).toBeUndefined();
  expect(divideDims('3*rows', 2)).toBeUndefined();
  expect(divideDims(6, 0)).toBeUndefined();
});

test('what is no polynomial of names is refused', () => {
  for (const bad of ['2.5', 'a b+', 'a/b', '', 'a**b', '-']) expect(() => normalizeDim(bad), bad).toThrow(RangeError);
  expect(() => normalizeDim(1.5)).toThrow(RangeError);
});
