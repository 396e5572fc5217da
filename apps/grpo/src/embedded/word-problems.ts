import type { Problem } from '@forge/data';
import type { Random } from '@forge/tensor';

const people = ['Tom', 'Ann', 'Max', 'Eva', 'Sam', 'Lily', 'Ben', 'Mia'];
const things = ['apples', 'coins', 'books', 'cards', 'shells', 'pens'];

interface Story {
  readonly text: (person: string, thing: string, a: number, b: number) => string;
  readonly result: (a: number, b: number) => number;
}

const add = (a: number, b: number) => a + b;
const subtract = (a: number, b: number) => a - b;

const stories: readonly Story[] = [
  { text: (person, thing, a, b) => `${person} has ${a} ${thing} and finds ${b} more. How many ${thing}?`, result: add },
  { text: (person, thing, a, b) => `${person} had ${a} ${thing} and buys ${b} more. How many ${thing}?`, result: add },
  { text: (person, thing, a, b) => `${person} has ${a} ${thing} and loses ${b}. How many ${thing}?`, result: subtract },
  { text: (person, thing, a, b) => `${person} had ${a} ${thing} and sells ${b}. How many ${thing}?`, result: subtract },
];

/** Every word that a problem can contain. */
export const words: readonly string[] = [
  ...people,
  ...new Set(stories.flatMap(({ text }) => text('', '', 0, 0).match(/\p{L}+/gu) ?? []).concat(things)),
];

/**
 * A problem and its solution. The reasoning spells the result from its last digit to its first, the order in which
 * digits with carries can be found one after the other.
 */
function wordProblem(random: Random, { a, b }: Operands): Problem {
  const pick = <T>(choices: readonly T[]) => choices[random.integer(choices.length)]!;
  const story = pick(stories.filter(({ result }) => result(a, b) >= 0));
  const target = String(story.result(a, b));
  return { question: story.text(pick(people), pick(things), a, b), reasoning: [...target].reverse().join(''), target };
}

interface Operands {
  readonly a: number;
  readonly b: number;
}

export interface WordProblems {
  readonly train: readonly Problem[];
  /** No pair of numbers in here occurs in `train`. */
  readonly heldOut: readonly Problem[];
}

export interface WordProblemOptions {
  readonly train: number;
  readonly heldOut: number;
  /** The largest number in a question. */
  readonly maxNumber: number;
}

/** The share of pairs of numbers that is kept for the held-out problems. */
const HELD_OUT_SHARE = 0.1;

/** Problems about adding and taking away, the same for the same random source. */
export function wordProblems(random: Random, { train, heldOut, maxNumber }: WordProblemOptions): WordProblems {
  const operands = random.split('operands');
  const problems = random.split('problems');
  // Each pair draws its own lot: a rule on the numbers would hold back, say, all sums that end in the same digit.
  const isHeldOut = ({ a, b }: Operands) => random.split(`${a} and ${b}`).uniform() < HELD_OUT_SHARE;
  const draw = (held: boolean): Problem => {
    for (;;) {
      const pair = { a: operands.integer(maxNumber + 1), b: operands.integer(maxNumber + 1) };
      if (isHeldOut(pair) === held) return wordProblem(problems, pair);
    }
  };
  return {
    train: Array.from({ length: train }, () => draw(false)),
    heldOut: Array.from({ length: heldOut }, () => draw(true)),
  };
}
