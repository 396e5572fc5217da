import { between, solution, wordsIn } from './draw.ts';
import { generated } from './generated.ts';

/** Sums of digits: `Add the digits of 4 8 3.` Source: TorchForge `tests/sandbox/toy_rl/sumdigits.py`. */
export const sumOfDigits = generated({
  name: 'sum-of-digits',
  description: 'the sum of the digits of a number',
  vocabulary: wordsIn('Add the digits of'),
  options: { digits: { default: 4, min: 3, max: 12 } },
  draw: (random, { digits }) => {
    const drawn = Array.from({ length: digits }, () => between(random, 0, 9));
    const sums = drawn.map((_, place) => drawn.slice(0, place + 1).reduce((sum, digit) => sum + digit, 0));
    const target = String(sums.at(-1));
    return {
      key: drawn.toSorted((a, b) => a - b).join(' '),
      messages: [{ role: 'user', content: `Add the digits of ${drawn.join(' ')}.` }],
      target,
      demonstration: solution(sums.join(' '), target),
      environment: 'answer',
    };
  },
});
