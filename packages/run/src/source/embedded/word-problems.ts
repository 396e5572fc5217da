import type { Task } from '@forge/environments';
import type { Random } from '@forge/tensor';

const people = ['Tom', 'Ann', 'Max', 'Eva', 'Sam', 'Lily', 'Ben', 'Mia'];
const things = ['apples', 'coins', 'books', 'cards', 'shells', 'pens'];

type Story = (person: string, thing: string, a: number, b: number) => string;

const stories: readonly Story[] = [
  (person, thing, a, b) => `${person} has ${a} ${thing} and finds ${b}. How many?`,
  (person, thing, a, b) => `${person} had ${a} ${thing} and buys ${b}. How many?`,
  (person, thing, a, b) => `${person} keeps ${a} ${thing} and gets ${b}. How many?`,
];

/** Every word that a problem can contain. */
export const words: readonly string[] = [
  ...people,
  ...new Set(stories.flatMap((story) => story('', '', 0, 0).match(/\p{L}+/gu) ?? []).concat(things)),
];

/** A problem and its solution. */
function wordProblem(random: Random, { a, b }: Operands): Task {
  const pick = <T>(choices: readonly T[]) => choices[random.integer(choices.length)]!;
  const content = pick(stories)(pick(people), pick(things), a, b);
  const reasoning = columnSums(a, b).join(' ');
  return { messages: [{ role: 'user', content }], target: String(a + b), fields: { reasoning } };
}

/** What stands below each column when two numbers are added on paper, carries included, from the last digit on. */
function columnSums(a: number, b: number): readonly number[] {
  const sums: number[] = [];
  let carry = 0;
  let [left, right] = [a, b];
  while (left > 0 || right > 0) {
    const sum = (left % 10) + (right % 10) + carry;
    sums.push(sum);
    carry = sum > 9 ? 1 : 0;
    [left, right] = [Math.floor(left / 10), Math.floor(right / 10)];
  }
  return sums;
}

interface Operands {
  readonly a: number;
  readonly b: number;
}

export interface WordProblems {
  readonly train: readonly Task[];
  /** No pair of numbers in here occurs in `train`. */
  readonly heldOut: readonly Task[];
}

export interface WordProblemOptions {
  readonly train: number;
  readonly heldOut: number;
  /** Numbers in a question have so many digits. */
  readonly digits: number;
}

/** The share of pairs of numbers that is kept for the held-out problems. */
const HELD_OUT_SHARE = 0.1;

/** Problems about adding, the same for the same random source. */
export function wordProblems(random: Random, { train, heldOut, digits }: WordProblemOptions): WordProblems {
  const operands = random.split('operands');
  const problems = random.split('problems');
  // Each pair draws its own lot: a rule on the numbers would hold back, say, all sums that end in the same digit.
  const isHeldOut = ({ a, b }: Operands) => random.split(`${a} and ${b}`).uniform() < HELD_OUT_SHARE;
  const least = 10 ** (digits - 1);
  const number = () => least + operands.integer(9 * least);
  const draw = (held: boolean): Task => {
    for (;;) {
      const pair = { a: number(), b: number() };
      if (isHeldOut(pair) === held) return wordProblem(problems, pair);
    }
  };
  return {
    train: Array.from({ length: train }, () => draw(false)),
    heldOut: Array.from({ length: heldOut }, () => draw(true)),
  };
}
