import type { Task } from '@forge/environments';
import type { Completion } from '@forge/generator';
import type { Answer } from './answer.ts';

/** What the rewards are to score. */
export function answerOf({ prompt, text, tokenIds, finishReason }: Completion, { target, fields }: Task): Answer {
  const answer = { prompt, completion: text, target, tokens: tokenIds.length, isTruncated: finishReason === 'length' };
  return fields === undefined ? answer : { ...answer, fields };
}
