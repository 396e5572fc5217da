import type { Task } from '@forge/environments';
import { appendedIds } from '@forge/generator';
import type { ChatMessage, Tokenizer } from '@forge/models';
import { conversation, demonstrationOf } from './prompt.ts';

/** A conversation to imitate, as tokens. */
export interface DemonstratedSequence {
  readonly promptIds: readonly number[];
  readonly tokenIds: readonly number[];
  /** [tokens] 1 where the assistant speaks, 0 where it is told something. */
  readonly mask: Uint8Array;
}

export interface DemonstratedSequenceOptions {
  /** What is said before the first answer. @default the task's messages, after instructions on how to answer */
  readonly prompt?: readonly ChatMessage[];
}

/** A task and its demonstration as the tokens that a generator and an environment would make of them. */
export function demonstratedSequence(
  tokenizer: Tokenizer,
  task: Task,
  { prompt = conversation(task) }: DemonstratedSequenceOptions = {},
): DemonstratedSequence {
  const promptIds: number[] = [];
  const tokenIds: number[] = [];
  const mask: number[] = [];
  const messages: ChatMessage[] = [];
  let waiting: ChatMessage[] = [...prompt];
  for (const message of demonstrationOf(task)) {
    if (message.role !== 'assistant') {
      waiting.push(message);
      continue;
    }
    const ids = [...promptIds, ...tokenIds];
    const told = appendedIds(tokenizer, { messages, ids }, waiting, {});
    if (promptIds.length === 0) promptIds.push(...told);
    else append(told, 0);
    messages.push(...waiting);
    append(saidIds(tokenizer, messages, message), 1);
    messages.push(message);
    waiting = [];
  }
  return { promptIds, tokenIds, mask: Uint8Array.from(mask) };

  function append(ids: readonly number[], isSaid: 0 | 1): void {
    tokenIds.push(...ids);
    for (let count = 0; count < ids.length; count++) mask.push(isSaid);
  }
}

/** What the model says for its message to become this one, with the token that ends its turn. */
function saidIds(tokenizer: Tokenizer, before: readonly ChatMessage[], message: ChatMessage): readonly number[] {
  const { content, role: _, ...more } = message;
  // A text is said to the letter; of tool calls and the like only the template knows how they are said.
  if (Object.keys(more).length === 0) return [...tokenizer.encode(content), ...endOfTurn(tokenizer)];
  const opened = tokenizer.applyChatTemplate(before, { addGenerationPrompt: true });
  const whole = tokenizer.applyChatTemplate([...before, message]);
  if (!whole.startsWith(opened)) return [...tokenizer.encode(content), ...endOfTurn(tokenizer)];
  const ids = tokenizer.encode(whole.slice(opened.length));
  const end = ids.findLastIndex((id) => tokenizer.eosTokenIds.includes(id));
  return end < 0 ? [...ids, ...endOfTurn(tokenizer)] : ids.slice(0, end + 1);
}

const ends = new WeakMap<Tokenizer, readonly number[]>();

/** The token with which the template ends what the assistant says; of those that end a completion the first when it has none. */
function endOfTurn(tokenizer: Tokenizer): readonly number[] {
  const known = ends.get(tokenizer);
  if (known !== undefined) return known;
  const { eosTokenIds } = tokenizer;
  const said = '(said)';
  const turns = [
    { role: 'user', content: '?' },
    { role: 'assistant', content: said },
  ];
  const text = tokenizer.applyChatTemplate(turns);
  const after = tokenizer.encode(text.slice(text.lastIndexOf(said) + said.length));
  const end = after.find((id) => eosTokenIds.includes(id)) ?? eosTokenIds[0];
  const ids = end === undefined ? [] : [end];
  ends.set(tokenizer, ids);
  return ids;
}
