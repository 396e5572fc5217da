import type { Problem } from '@forge/data';
import type { Completion } from '@forge/generator';
import type { ChatMessage } from '@forge/models';
import type { Answer } from './rewards/reward-actor.ts';

/** Source: TorchForge `apps/grpo/main.py`. */
const SYSTEM =
  'Put all your scratchpad work between <think> and </think> tags. ' +
  'Your final answer should be between <answer> and </answer> tags otherwise it will not be scored.';

/** The conversation that asks a problem. */
export function conversation({ question }: Problem): readonly ChatMessage[] {
  return [
    { role: 'system', content: SYSTEM },
    { role: 'user', content: question },
  ];
}

/** The completion that the rewards want to see for a problem whose solution is known. */
export function demonstration({ reasoning, target }: Problem): string {
  return `<think>${reasoning}</think><answer>${target}</answer>`;
}

/** What the rewards are to score. */
export function answerOf({ prompt, text, finishReason }: Completion, { target }: Problem): Answer {
  return { prompt, completion: text, target, isTruncated: finishReason === 'length' };
}
