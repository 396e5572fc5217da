import { taggedAnswer } from '@forge/rewards';
import type { Random } from '@forge/tensor';
import { evaluate } from '../expression/evaluate.ts';
import { singleTurn } from '../single-turn.ts';
import { between, pick, solution, wordsIn } from './draw.ts';
import { generated } from './generated.ts';

/** Numbers on the way to the target stay below this. */
const MAX_VALUE = 999;

/**
 * Targets to reach from given numbers, each used at most once: `Make 33 from 3 7 12.` Drawn backwards from a solution, so each
 * has one. Source: TinyZero, `countdown`.
 */
export const countdown = generated({
  name: 'countdown',
  description: 'an expression of given numbers that has a given value',
  vocabulary: wordsIn('Make from'),
  options: { numbers: { default: 3, min: 2, max: 6 }, maxNumber: { default: 9, min: 6, max: 99 } },
  draw: (random, { numbers: count, maxNumber }) => {
    const used = Array.from({ length: count }, () => between(random, 1, maxNumber));
    const { target, steps, expression } = solved(random, used);
    const numbers = random.shuffle(used);
    return {
      key: `${numbers.toSorted((a, b) => a - b).join(' ')} = ${target}`,
      messages: [{ role: 'user', content: `Make ${target} from ${numbers.join(' ')}.` }],
      target: String(target),
      fields: { numbers },
      demonstration: solution(steps.join(' '), expression),
      environment: 'countdown',
    };
  },
});

/** 1 for an expression that has the target as its value and uses each number at most once, else 0. */
export const countdownEnvironment = singleTurn(({ target, fields }, { text }) => {
  const numbers = fields?.['numbers'];
  const result = evaluate(taggedAnswer(text).answer ?? '');
  if ('problem' in result || !Array.isArray(numbers)) return 0;
  const left = numbers.map(String);
  for (const number of result.numbers) {
    const place = left.indexOf(number);
    if (place === -1) return 0;
    left.splice(place, 1);
  }
  const { numerator, denominator } = result.value;
  return denominator === 1n && String(numerator) === target ? 1 : 0;
});

interface Operation {
  readonly sign: string;
  readonly isSum: boolean;
  /** Nothing where the result is no whole number above 0 that is small enough. */
  readonly apply: (a: number, b: number) => number | undefined;
}

const small = (value: number) => (value <= MAX_VALUE ? value : undefined);
const operations: readonly Operation[] = [
  { sign: '+', isSum: true, apply: (a, b) => small(a + b) },
  { sign: '-', isSum: true, apply: (a, b) => (a > b ? a - b : undefined) },
  { sign: '*', isSum: false, apply: (a, b) => small(a * b) },
  { sign: '/', isSum: false, apply: (a, b) => (a % b === 0 ? a / b : undefined) },
];

/** Combines numbers from the left, with operations by chance. */
function solved(random: Random, [first, ...others]: readonly number[]) {
  let target = first!; // there are at least two
  let expression = String(target);
  let isSum = false;
  const steps: string[] = [];
  for (const number of others) {
    const possible = operations.flatMap((operation) => {
      const value = operation.apply(target, number);
      return value === undefined ? [] : [{ ...operation, value }];
    });
    // There is always one: what cannot be added to is large enough to be subtracted from.
    const { sign, value, ...chosen } = pick(random, possible);
    steps.push(`${target}${sign}${number}=${value}`);
    expression = `${isSum && !chosen.isSum ? `(${expression})` : expression}${sign}${number}`;
    isSum = chosen.isSum;
    target = value;
  }
  return { target, steps, expression };
}
