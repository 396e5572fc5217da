import type { ChatMessage, Tokenizer } from '@forge/models';
import * as z from 'zod';
import type { Recorded } from '../engine/completion.ts';
import { ApiError } from './api-error.ts';
import type { AnswerShape, ReadRequest } from './api-request.ts';
import { chatFinishReason, chatText, GrowingChatText } from './chat-text.ts';
import { parseRequest } from './parse-request.ts';
import { requestFields, samplingFields, samplingOf, streamingOf } from './sampling-fields.ts';
import { constraintOf, forcedCalls, structuredFields, toolChoice } from './structured-fields.ts';

const textPart = z.strictObject({ type: z.literal('text'), text: z.string() });
const toolCall = z.looseObject({ function: z.looseObject({ name: z.string(), arguments: z.string() }) });
/** Further fields of a message are the template's business. */
const message = z.looseObject({
  role: z.string().min(1),
  content: z.union([z.string(), z.array(textPart)]).nullish(),
  tool_calls: z.array(toolCall).nullish(),
});
const schema = z.strictObject({
  ...requestFields,
  ...samplingFields,
  ...structuredFields,
  messages: z.array(message).min(1),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  tools: z.array(z.looseObject({ type: z.literal('function') })).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  /** Variables of the chat template, such as `enable_thinking`; vLLM's name. */
  chat_template_kwargs: z.record(z.string(), z.unknown()).nullish(),
});

/** Reads a body of `/v1/chat/completions`. */
export const readChatRequest: ReadRequest = (body, tokenizer) => {
  const fields = parseRequest(schema, body);
  const { model, logprobs, top_logprobs, tools, tool_choice, chat_template_kwargs } = fields;
  const maxTokens = fields.max_completion_tokens ?? fields.max_tokens ?? Number.MAX_SAFE_INTEGER; // the engine's limit
  if (top_logprobs && !logprobs) {
    throw new ApiError(400, 'invalid_value', 'top_logprobs needs logprobs: true.', { param: 'top_logprobs' });
  }
  const asked = tools?.length && tool_choice !== 'none' ? tools : undefined;
  const forced = forcedCalls(tools ?? [], tool_choice, fields.parallel_tool_calls ?? true);
  const constraint = constraintOf(fields, forced);
  const text = tokenizer.applyChatTemplate(fields.messages.map(chatMessage), {
    addGenerationPrompt: true,
    ...(asked && { tools: asked }),
    ...(chat_template_kwargs && { variables: chat_template_kwargs }),
  });
  return {
    model,
    prompts: [{ text, ids: tokenizer.encode(text) }],
    sampling: {
      ...samplingOf(fields),
      ...(constraint && { structuredOutputs: constraint.outputs }),
      maxTokens,
      logProbs: 'raw',
      topLogProbs: top_logprobs ?? 0,
    },
    constrainedBy: constraint?.param,
    ...streamingOf(fields),
    shape: chatShape(tokenizer, { reportsLogProbs: logprobs ?? false, findsToolCalls: asked !== undefined }),
  };
};

function chatMessage({ content, tool_calls, ...fields }: z.infer<typeof message>): ChatMessage {
  const text = typeof content === 'string' ? content : (content ?? []).map((part) => part.text).join('');
  return { ...fields, content: text, ...(tool_calls && { tool_calls: tool_calls.map(toolCallOf) }) };
}

/** Templates take arguments as an object, and OpenAI sends them as JSON. */
function toolCallOf({ function: called, ...fields }: z.infer<typeof toolCall>, index: number): object {
  try {
    return { ...fields, function: { ...called, arguments: JSON.parse(called.arguments) as unknown } };
  } catch {
    const problem = `The arguments of tool call ${index} are no JSON.`;
    throw new ApiError(400, 'invalid_messages', problem, { param: 'messages' });
  }
}

interface ChatShapeOptions {
  readonly reportsLogProbs: boolean;
  readonly findsToolCalls: boolean;
}

function chatShape(tokenizer: Tokenizer, { reportsLogProbs, findsToolCalls }: ChatShapeOptions): AnswerShape {
  const growing = new Map<number, GrowingChatText>();
  const spelled = (tokenId: number, logprob: number) => {
    const token = tokenizer.decode([tokenId]);
    // A token that is part of a character has no text of its own, so its bytes cannot be told from its text.
    return { token, logprob, bytes: token.includes('\uFFFD') ? null : [...new TextEncoder().encode(token)] };
  };
  const logProbsOf = ({ tokenIds, logProbs, topLogProbs }: Recorded) => {
    if (!reportsLogProbs) return null;
    const content = tokenIds.map((id, at) => ({
      ...spelled(id, logProbs[at]!), // one a token
      top_logprobs: (topLogProbs?.[at] ?? []).map(({ tokenId, logProb }) => spelled(tokenId, logProb)),
    }));
    return { content, refusal: null };
  };
  return {
    idPrefix: 'chatcmpl',
    object: 'chat.completion',
    chunkObject: 'chat.completion.chunk',
    choice: (completion, index) => {
      const text = chatText(completion.text, findsToolCalls);
      return {
        index,
        message: { role: 'assistant', ...text, refusal: null },
        finish_reason: chatFinishReason(completion.finishReason, text),
        logprobs: logProbsOf(completion),
      };
    },
    opening: (index) => ({ index, delta: { role: 'assistant', content: '' }, finish_reason: null, logprobs: null }),
    chunkChoice: (delta, index) => {
      const message = growing.get(index) ?? new GrowingChatText(findsToolCalls);
      growing.set(index, message);
      const text = message.push(delta);
      const finishReason = delta.finishReason === undefined ? null : chatFinishReason(delta.finishReason, text);
      return { index, delta: text, finish_reason: finishReason, logprobs: logProbsOf(delta) };
    },
  };
}
