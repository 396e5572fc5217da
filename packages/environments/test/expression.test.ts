import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../src/expression/evaluate.ts';
import { formatRational } from '../src/expression/rational.ts';

const resultOf = (text: string) => {
  const result = evaluate(text);
  return 'problem' in result ? result.problem : formatRational(result.value);
};

/** An expression as text, and what JavaScript makes of it. */
const expression = fc.letrec<{ tree: string; leaf: string; inner: string }>((tie) => ({
  tree: fc.oneof({ maxDepth: 4 }, tie('leaf'), tie('inner')),
  leaf: fc.nat(99).map(String),
  inner: fc
    .tuple(tie('tree'), fc.constantFrom('+', '-', '*'), tie('tree'), fc.boolean())
    .map(([a, sign, b, isWrapped]) => (isWrapped ? `(${a}${sign}${b})` : `${a} ${sign} ${b}`)),
})).tree;

describe('the value of an expression', () => {
  test.each([
    ['3*(4-1)/9', '1'],
    ['1/3', '0.3333333333333333'],
    ['1/3*3', '1'],
    ['0.1+0.2', '0.3'],
    ['2 × 3 ÷ 4 − 1', '0.5'],
    ['--2', '2'],
    ['99999999999999999999*10', '999999999999999999990'],
    [' 7 ', '7'],
  ])('%s is %s', (text, value) => expect(resultOf(text)).toBe(value));

  test.each([
    ['', 'It ends where a number should be.'],
    ['1+', 'It ends where a number should be.'],
    ['(1', 'It ends where ")" should be.'],
    ['1 2', '2 stands where an operator should be.'],
    ['process.exit()', 'p stands where a number should be.'],
    ['4/(2-2)', 'It divides by 0.'],
    ['1'.repeat(201), 'It has 201 characters; 200 are allowed.'],
  ])('of %s is none: %s', (text, problem) => expect(resultOf(text)).toBe(problem));

  test('is what arithmetic says', () => {
    fc.assert(
      fc.property(
        expression.filter((text) => text.length <= 200),
        (text) => {
          // biome-ignore lint/security/noGlobalEval: made of digits and signs
          const wanted = eval(text) as number;
          fc.pre(Number.isSafeInteger(wanted));
          expect(resultOf(text)).toBe(String(wanted === 0 ? 0 : wanted));
        },
      ),
    );
  });

  test('is never thrown about: any text has a value or a problem', () => {
    const signs = fc.string({ unit: fc.constantFrom(...'0123456789.+-*/×÷−() x') });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), signs), (text) => {
        const result = evaluate(text);
        expect('problem' in result || typeof result.value.numerator === 'bigint').toBe(true);
      }),
    );
  });

  test('names the numbers as they are written', () => {
    expect(evaluate('(10 + 2)*10')).toMatchObject({ numbers: ['10', '2', '10'] });
  });
});
