import { taggedAnswer } from '@forge/rewards';
import type { OpenEnvironment } from './environment.ts';
import { singleTurn } from './single-turn.ts';
import { alphabetSortEnvironment } from './task-sets/alphabet-sort.ts';
import { calculatorEnvironment } from './task-sets/calculations.ts';
import { countdownEnvironment } from './task-sets/countdown.ts';
import { searchEnvironment } from './task-sets/facts.ts';

/** 1 when `<answer>` holds the target, white space around it apart, else 0. */
const answer = singleTurn(({ target }, { text }) => (taggedAnswer(text).answer?.trim() === target ? 1 : 0));

/** The environments that generated tasks name. */
export const environments: Readonly<Record<string, OpenEnvironment>> = {
  answer,
  countdown: countdownEnvironment,
  'alphabet-sort': alphabetSortEnvironment,
  calculator: calculatorEnvironment,
  search: searchEnvironment,
};
