import type { Task } from '@forge/environments';
import type { Completion } from '@forge/generator';
import type { ChatMessage } from '@forge/models';
import type { Answer } from './rewards/reward-actor.ts';

/** Source: TorchForge `apps/grpo/main.py`. */
const SYSTEM =
  'Put all your scratchpad work between <think> and </think> tags. ' +
  'Your final answer should be between <answer> and </answer> tags otherwise it will not be scored.';

/** The conversation that asks for a task. A task that brings a system message of its own keeps it. */
export function conversation({ messages }: Task): readonly ChatMessage[] {
  return messages[0]?.role === 'system' ? messages : [{ role: 'system', content: SYSTEM }, ...messages];
}

/** The completion that the rewards want to see: the task's own, or one of its reasoning and target. */
export function demonstrationOf({ demonstration, fields, target }: Task): string {
  return demonstration ?? `<think>${fields?.['reasoning'] ?? ''}</think><answer>${target}</answer>`;
}

/** What the rewards are to score. */
export function answerOf({ prompt, text, finishReason }: Completion, { target }: Task): Answer {
  return { prompt, completion: text, target, isTruncated: finishReason === 'length' };
}
