import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatNumber, parseNumber } from '../src/number.ts';

test.each([
  ['$1,000', 1000],
  [' 123.45 ', 123.45],
  ['1e6', 1_000_000],
  ['-12', -12],
  ['5.', 5],
  ['.5', 0.5],
  ['1_000', 1000],
  ['1_0.0_1e1_0', 10.01e10],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['+Infinity', Number.POSITIVE_INFINITY],
  ['NaN', Number.NaN],
  ['1e999', Number.POSITIVE_INFINITY],
  ['١٢٫', undefined],
  ['𝟗𝟎', 90],
  ['५', 5],
  ['12.34.56', undefined],
  ['', undefined],
  ['.', undefined],
  ['$', undefined],
  ['e5', undefined],
  ['1e', undefined],
  ['0x10', undefined],
  ['0b1', undefined],
  ['10n', undefined],
  ['_1', undefined],
  ['1_', undefined],
  ['1__0', undefined],
  ['1_.5', undefined],
  ['1e_5', undefined],
  ['5\ufeff', undefined],
  ['5\u0085', 5],
  ['½', undefined],
  ['²', undefined],
])('%j reads as %s', (text, value) => {
  expect(parseNumber(text)).toBe(value);
});

test.each([
  [0.00001, '1e-05'],
  [-1.5e-7, '-1.5e-07'],
  [1e-300, '1e-300'],
  [0.0001, '0.0001'],
  [1e20, '100000000000000000000'],
  [-0, '0'],
  [2.5, '2.5'],
  [Number.NEGATIVE_INFINITY, '-inf'],
])('%d is written %s', (value, text) => {
  expect(formatNumber(value)).toBe(text);
});

test('a written number reads back as itself', () => {
  fc.assert(
    fc.property(fc.double(), (value) => {
      expect(parseNumber(formatNumber(value))).toBe(value === 0 ? 0 : value);
    }),
  );
});

test('dollars, commas and white space never change the number', () => {
  const noise = fc
    .array(fc.constantFrom('$', ',', ' ', '\n', '\u00a0', '\u001c', '\u3000'))
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.double({ noDefaultInfinity: true }), noise, noise, (value, left, right) => {
      const text = formatNumber(value);
      expect(parseNumber(left + text[0] + right + text.slice(1) + left)).toBe(parseNumber(text));
    }),
  );
});
