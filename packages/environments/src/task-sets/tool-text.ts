import type { Message } from '../task.ts';

/** What calls of tools and their results are written with, in the format of Qwen and Hermes. */
export const TOOL_MARKS: readonly string[] = [
  '<tool_call>',
  '</tool_call>',
  '<tool_response>',
  '</tool_response>',
  '"name"',
  '"arguments"',
];

/** A turn of a model that calls a tool, as its chat template writes one. */
export function demonstratedCall(name: string, given: Readonly<Record<string, string>>): Message {
  const fields = Object.entries(given).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  const call = `{"name": ${JSON.stringify(name)}, "arguments": {${fields.join(', ')}}}`;
  return { role: 'assistant', content: `<tool_call>\n${call}\n</tool_call>` };
}
