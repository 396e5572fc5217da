import type { Sampled } from '@forge/data';
import type { Task } from '@forge/environments';
import { given } from '../config/given.ts';
import type { Answer } from './answer.ts';

/** What the rewards are to score: of several turns the last, and what the environment gave for all. */
export function answerOf(sampled: Sampled, { target, fields }: Task): Answer {
  const { prompt, completion, tokenIds, mask, isTruncated, environmentReward, failure } = sampled;
  const tokens = mask?.reduce((sum, isChosen) => sum + isChosen, 0) ?? tokenIds.length;
  return { prompt, completion, target, tokens, isTruncated, ...given({ fields, environmentReward, failure }) };
}
