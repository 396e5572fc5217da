import { addition } from './addition.ts';
import { alphabetSort } from './alphabet-sort.ts';
import { calculations } from './calculations.ts';
import { countdown } from './countdown.ts';
import { facts } from './facts.ts';
import { reverseString } from './reverse-string.ts';
import { sumOfDigits } from './sum-of-digits.ts';
import type { TaskSet } from './task-set.ts';

/** The sets of generated tasks, by name. */
export const taskSets: Readonly<Record<string, TaskSet>> = Object.fromEntries(
  [addition, sumOfDigits, reverseString, countdown, alphabetSort, calculations, facts].map((set) => [set.name, set]),
);
