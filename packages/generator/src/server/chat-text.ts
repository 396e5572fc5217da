import { randomUUID } from 'node:crypto';
import type { CompletionDelta } from '../engine/completion-delta.ts';
import { lengthBeforeToolCalls, parseToolCalls, type ToolCall } from '../text/tool-calls.ts';

/** The fields of a message, or of a piece of one, that come from what the model wrote. */
export interface ChatText {
  readonly content: string | null;
  readonly tool_calls?: readonly object[];
}

/** A whole message. */
export function chatText(text: string, findsToolCalls: boolean): ChatText {
  if (!findsToolCalls) return { content: text };
  const { content, toolCalls } = parseToolCalls(text);
  if (toolCalls.length === 0) return { content };
  return { content: content === '' ? null : content, tool_calls: toolCalls.map(spelled) };
}

/** One message while it grows: its content as it comes, its tool calls when it is whole. */
export class GrowingChatText {
  readonly #findsToolCalls: boolean;
  #text = '';
  #numSent = 0;

  constructor(findsToolCalls: boolean) {
    this.#findsToolCalls = findsToolCalls;
  }

  /** What a delta adds. */
  push({ text, finishReason }: CompletionDelta): ChatText {
    if (!this.#findsToolCalls) return { content: text };
    this.#text += text;
    if (finishReason === undefined) {
      return { content: this.#take(this.#text.slice(0, lengthBeforeToolCalls(this.#text))) };
    }
    const { content, toolCalls } = parseToolCalls(this.#text);
    const calls = toolCalls.map((call, index) => ({ index, ...spelled(call) }));
    return { content: this.#take(content), ...(calls.length > 0 && { tool_calls: calls }) };
  }

  #take(text: string): string {
    const piece = text.slice(this.#numSent);
    this.#numSent = Math.max(this.#numSent, text.length);
    return piece;
  }
}

/** Why a message ended, in OpenAI's words. */
export function chatFinishReason(reason: string, { tool_calls }: ChatText): string {
  return reason === 'stop' && tool_calls !== undefined ? 'tool_calls' : reason;
}

function spelled({ name, arguments: given }: ToolCall) {
  return { id: `call_${randomUUID()}`, type: 'function', function: { name, arguments: JSON.stringify(given) } };
}
