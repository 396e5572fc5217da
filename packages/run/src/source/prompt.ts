import type { Task } from '@forge/environments';
import type { ChatMessage } from '@forge/models';

/** Source: TorchForge `apps/grpo/main.py`. */
const SYSTEM =
  'Put all your scratchpad work between <think> and </think> tags. ' +
  'Your final answer should be between <answer> and </answer> tags otherwise it will not be scored.';

/** The conversation that asks for a task. A task that brings a system message of its own keeps it. */
export function conversation({ messages }: Task): readonly ChatMessage[] {
  return messages[0]?.role === 'system' ? messages : [{ role: 'system', content: SYSTEM }, ...messages];
}

/** What is to be said after the prompt, turn by turn: the task's own demonstration, or one of its reasoning and target. */
export function demonstrationOf({ demonstration, fields, target }: Task): readonly ChatMessage[] {
  const said = demonstration ?? `<think>${fields?.['reasoning'] ?? ''}</think><answer>${target}</answer>`;
  return typeof said === 'string' ? [{ role: 'assistant', content: said }] : said;
}
