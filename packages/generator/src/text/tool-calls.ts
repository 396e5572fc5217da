/** A call of a tool that a model asks for. */
export interface ToolCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** A text of a model, taken apart. */
export interface ParsedToolCalls {
  /** What it says beside the calls. */
  readonly content: string;
  readonly toolCalls: readonly ToolCall[];
  /** Calls that cannot be read: what is between their marks is no such JSON, or they are not closed. */
  readonly numMalformed: number;
}

const OPENING = '<tool_call>';
const CALL = /<tool_call>\s*(.*?)\s*<\/tool_call>\s*/gs;

/**
 * The tool calls in a completion, in the format of Qwen and Hermes: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`.
 * What is no such JSON, or is not closed, stays a part of the content.
 */
export function parseToolCalls(text: string): ParsedToolCalls {
  const toolCalls: ToolCall[] = [];
  const rest = text.replaceAll(CALL, (whole: string, json: string) => {
    const call = toolCallOf(json);
    if (!call) return whole;
    toolCalls.push(call);
    return '';
  });
  const numMalformed = rest.split(OPENING).length - 1;
  return { content: toolCalls.length > 0 ? rest.trimEnd() : text, toolCalls, numMalformed };
}

/** How much of a growing text comes before any tool call, whatever follows. */
export function lengthBeforeToolCalls(text: string): number {
  const at = text.indexOf(OPENING);
  let end = at === -1 ? text.length : at;
  for (let length = Math.min(OPENING.length - 1, text.length); at === -1 && length > 0; length--) {
    if (!OPENING.startsWith(text.slice(-length))) continue;
    end = text.length - length;
    break;
  }
  // Blank space before a call belongs to neither.
  return text.slice(0, end).trimEnd().length;
}

function toolCallOf(json: string): ToolCall | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined; // the model wrote something else between the marks
  }
  if (!isRecord(value) || typeof value['name'] !== 'string') return undefined;
  const given = value['arguments'] ?? {};
  return isRecord(given) ? { name: value['name'], arguments: given } : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
