import type { ChatMessage, ChatOptions, Tokenizer } from '@forge/models';
import { ConversationError } from '../errors.ts';

/** What a conversation has come to: its messages, and every token of them that the model has seen. Plain data. */
export interface Transcript {
  readonly messages: readonly ChatMessage[];
  /** Prompt, sampled tokens and appended ones of all turns, in order. */
  readonly ids: readonly number[];
}

/** How the next turn of a conversation is made. */
export interface ReplyOptions extends ChatOptions {
  /** Tokens of the conversation, the answer included, at most. @default what the model can read */
  readonly maxLength?: number;
}

/**
 * The tokens that new messages add to a conversation, up to the opening of the model's next turn. What is there stays as
 * it was sampled, whatever the template makes of it when it renders the history again, such as one without thoughts.
 *
 * @throws {ConversationError} when there is nothing to add, or the template does not show an assistant's message.
 * @throws {ChatTemplateError} when the template refuses the messages.
 */
export function appendedIds(
  tokenizer: Tokenizer,
  { messages: before, ids }: Transcript,
  added: readonly ChatMessage[],
  options: ChatOptions,
): readonly number[] {
  if (added.length === 0) throw new ConversationError('A turn needs at least one message.');
  const render = (messages: readonly ChatMessage[]) =>
    tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true, ...options });
  if (ids.length === 0) return tokenizer.encode(render([...before, ...added]));
  // The model's last message is rendered as a mark: what follows it is new, whatever is made of what was said before.
  const mark = markBeside([...before, ...added]);
  const text = render([...before.slice(0, -1), { ...before.at(-1)!, content: mark }, ...added]); // ends with its turn
  const at = text.lastIndexOf(mark);
  if (at === -1) throw new ConversationError('The chat template leaves out what the assistant said last.');
  const appended = tokenizer.encode(text.slice(at + mark.length));
  // A turn that the model has ended itself is not ended again.
  return appended[0] === ids.at(-1) ? appended.slice(1) : appended;
}

/** A text that no message holds. */
function markBeside(messages: readonly ChatMessage[]): string {
  const text = JSON.stringify(messages);
  let mark = '(turn)';
  for (let number = 1; text.includes(mark); number++) mark = `(turn ${number})`;
  return mark;
}
