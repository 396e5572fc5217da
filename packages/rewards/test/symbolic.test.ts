import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { symbolicReward } from '../src/index.ts';
import { areEqual } from '../src/symbolic/equal.ts';

describe('these mean the same', () => {
  test.each([
    ['1/2', '0.5'],
    ['\\frac{1}{2}', '1/2'],
    ['\\dfrac12', '0.5'],
    ['\\frac1{2}', '0.5'],
    ['50%', '1/2'],
    ['50\\%', '0.5'],
    ['2(x+1)', '2x + 2'],
    ['(x+y)^2', 'x^2 + 2xy + y^2'],
    ['x**2', 'x^2'],
    ['\\sqrt{8}', '2\\sqrt{2}'],
    ['\\sqrt[3]{-8}', '-2'],
    ['√2', '2^(1/2)'],
    ['2^3^2', '512'],
    ['-2^2', '-4'],
    ['3 \\cdot 4', '12'],
    ['3 × 4 ÷ 2', '6'],
    ['$1{,}000$'.replace('{,}', ','), '1000'],
    ['12,345,678', '12345678'],
    ['x = 3', '3'],
    ['x = 3', 'x=3.0'],
    ['(1, 2)', '\\left( 1, \\frac{4}{2} \\right)'],
    ['1, 2', '1,2'],
    ['\\{1, 2\\}', '{1,2}'],
    ['2\\pi r', '2πr'],
    ['\\sin(x)^2 + \\cos(x)^2', '1'],
    ['\\ln(e)', '1'],
    ['|-3|', '3'],
    ['−5', '-5'],
    ['1e', 'e'],
    ['90^\\circ', '90'],
    ['\\text{x}+1', '1+x'],
    ['0.1+0.2', '0.3'],
    ['--3', '3'],
    ['\\infty', '∞'.replace('∞', '\\infty')],
    ['\\sqrt{x^2}', '|x|'],
  ])('%s and %s', (left, right) => {
    expect([areEqual(left, right), areEqual(right, left)]).toEqual([true, true]);
  });
});

describe('these do not', () => {
  test.each([
    ['1/2', '1/3'],
    ['x', 'y'],
    ['x+1', 'x'],
    ['(1, 2)', '(2, 1)'],
    ['(1, 2)', '[1, 2]'],
    ['(1, 2)', '(1, 2, 3)'],
    ['x = 3', 'y = 3'],
    ['x = 3', 'x = 4'],
    ['2x', 'x^2'],
    ['\\sqrt{x^2}', 'x'],
    ['', ''],
    ['1 +', '1'],
    ['?', '?'],
    ['1 2', '12'],
    ['(1', '1'],
    ['hello world', 'hello there'],
    ['0/0', '0/0'],
    ['1/0', '5'],
    ['\\infty', '-\\infty'],
  ])('%s and %s', (left, right) => {
    expect([areEqual(left, right), areEqual(right, left)]).toEqual([false, false]);
  });
});

/** An expression written twice, plainly and in LaTeX, and its value. */
interface Written {
  readonly plain: string;
  readonly latex: string;
  readonly value: number;
}

const { expression } = fc.letrec<{ expression: Written }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.integer({ min: 0, max: 99 }).map((n) => ({ plain: `${n}`, latex: `${n}`, value: n })),
    fc.tuple(fc.constantFrom('+', '-', '*', '/'), tie('expression'), tie('expression')).map(([sign, a, b]) => ({
      plain: `(${a.plain} ${sign} ${b.plain})`,
      latex:
        sign === '/'
          ? `\\frac{${a.latex}}{${b.latex}}`
          : `\\left(${a.latex}${sign === '*' ? ' \\cdot ' : sign}${b.latex}\\right)`,
      value: { '+': a.value + b.value, '-': a.value - b.value, '*': a.value * b.value, '/': a.value / b.value }[sign]!,
    })),
    tie('expression').map((a) => ({
      plain: `sqrt(${a.plain})`,
      latex: `\\sqrt{${a.latex}}`,
      value: Math.sqrt(a.value),
    })),
  ),
}));

test('an expression equals itself however it is written, and its value', () => {
  fc.assert(
    fc.property(expression, ({ plain, latex, value }) => {
      fc.pre(Number.isFinite(value) && Math.abs(value) < 1e6);
      expect(areEqual(plain, latex)).toBe(true);
      expect(areEqual(latex, value.toFixed(12))).toBe(true);
      expect(areEqual(plain, (value + 0.1).toFixed(12))).toBe(false);
    }),
  );
});

test('nothing throws, nothing takes long, whatever the texts are', () => {
  const reward = symbolicReward();
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ maxLength: 60 }), (completion, target) => {
      expect([0, 1]).toContain(reward({ prompt: '', completion: `<answer>${completion}</answer>`, target }));
    }),
  );
  for (const text of [
    '('.repeat(900),
    '-'.repeat(900),
    '2^'.repeat(400),
    '\\frac'.repeat(180),
    `${'1+'.repeat(400)}1`,
  ]) {
    reward({ prompt: '', completion: `<answer>${text}</answer>`, target: '1' });
  }
});

test.each([
  ['The answer is \\boxed{\\frac{1}{2}}.', '0.5', 1],
  ['<answer>0.5</answer> and \\boxed{7}', '1/2', 1],
  ['<answer>3</answer> no: <answer>4</answer>', '4', 1],
  ['0.5', '0.5', 0],
  ['<answer>yes</answer>', 'yes', 1],
])('%s for %s scores %d', (completion, target, score) => {
  expect(symbolicReward()({ prompt: '', completion, target })).toBe(score);
});
