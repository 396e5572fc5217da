import type { Random } from '@forge/tensor';

/** One of these. */
export const pick = <T>(random: Random, choices: readonly T[]): T => choices[random.integer(choices.length)]!; // not empty

/** A whole number from `min` to `max`. */
export const between = (random: Random, min: number, max: number): number => min + random.integer(max - min + 1);

/** A number of so many digits. */
export function numberOf(random: Random, digits: number): number {
  return between(random, digits === 1 ? 1 : 10 ** (digits - 1), 10 ** digits - 1);
}

/** A solution as the rewards for thinking and for answers want to see it. */
export function solution(thoughts: string, answer: string): string {
  return `<think>${thoughts}</think><answer>${answer}</answer>`;
}

/** The words of some texts. */
export const wordsIn = (...texts: readonly string[]): readonly string[] => [
  ...new Set(texts.flatMap((text) => text.match(/\p{L}+/gu) ?? [])),
];

/** First names, in alphabetical order. */
export const NAMES: readonly string[] = [
  ...['Ann', 'Ben', 'Cleo', 'Dora', 'Eva', 'Finn', 'Gina', 'Hugo', 'Ida', 'Jan', 'Kim', 'Lily'],
  ...['Max', 'Nora', 'Otto', 'Paul', 'Quinn', 'Rosa', 'Sam', 'Tom', 'Uma', 'Vera', 'Will', 'Zoe'],
];
