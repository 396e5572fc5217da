import type { Task } from '@forge/environments';
import type { Completion } from '@forge/generator';
import type { Answer } from './reward-actor.ts';

/** What the rewards are to score. */
export function answerOf({ prompt, text, finishReason }: Completion, { target }: Task): Answer {
  return { prompt, completion: text, target, isTruncated: finishReason === 'length' };
}
