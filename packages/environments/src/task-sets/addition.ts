import { numberOf, solution, wordsIn } from './draw.ts';
import { generated } from './generated.ts';

/** Sums of two numbers: `What is 47 + 38?` */
export const addition = generated({
  name: 'addition',
  description: 'the sum of two numbers',
  vocabulary: wordsIn('What is'),
  options: { digits: { default: 2, min: 1, max: 9 } },
  draw: (random, { digits }) => {
    const [a, b] = [numberOf(random, digits), numberOf(random, digits)];
    const target = String(a + b);
    return {
      key: [a, b].toSorted((left, right) => left - right).join(' '),
      messages: [{ role: 'user', content: `What is ${a} + ${b}?` }],
      target,
      demonstration: solution(columnSums(a, b).join(' '), target),
      environment: 'answer',
    };
  },
});

/** What stands below each column when two numbers are added on paper, carries included, from the last digit on. */
function columnSums(a: number, b: number): readonly number[] {
  const sums: number[] = [];
  let carry = 0;
  for (
    let [left, right] = [a, b];
    left > 0 || right > 0;
    [left, right] = [left, right].map(withoutLast) as [number, number]
  ) {
    const sum = (left % 10) + (right % 10) + carry;
    sums.push(sum);
    carry = sum > 9 ? 1 : 0;
  }
  return sums;
}

const withoutLast = (value: number) => Math.floor(value / 10);
