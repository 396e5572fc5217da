import { numChosenTokens, type Sampled } from '@forge/data';
import type { Task } from '@forge/environments';
import { given } from '../given.ts';
import type { Answer } from './answer.ts';

/** What the rewards are to score: of several turns the last, and what the environment gave for all. */
export function answerOf(sampled: Sampled, { target, fields }: Task): Answer {
  const { prompt, completion, isTruncated, environmentReward, failure } = sampled;
  const tokens = numChosenTokens(sampled);
  return { prompt, completion, target, tokens, isTruncated, ...given({ fields, environmentReward, failure }) };
}
