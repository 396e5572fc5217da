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

/** A task and its demonstration as the tokens that a generator and an environment would make of them. */
export function demonstratedSequence(tokenizer: Tokenizer, task: Task): DemonstratedSequence {
  const ends = tokenizer.eosTokenIds.slice(0, 1);
  const promptIds: number[] = [];
  const tokenIds: number[] = [];
  const mask: number[] = [];
  const messages: ChatMessage[] = [];
  let waiting: ChatMessage[] = [...conversation(task)];
  for (const message of demonstrationOf(task)) {
    if (message.role !== 'assistant') {
      waiting.push(message);
      continue;
    }
    const ids = [...promptIds, ...tokenIds];
    const told = appendedIds(tokenizer, { messages, ids }, waiting, {});
    if (promptIds.length === 0) promptIds.push(...told);
    else append(told, 0);
    append([...tokenizer.encode(message.content), ...ends], 1);
    messages.push(...waiting, message);
    waiting = [];
  }
  return { promptIds, tokenIds, mask: Uint8Array.from(mask) };

  function append(ids: readonly number[], isSaid: 0 | 1): void {
    tokenIds.push(...ids);
    for (let count = 0; count < ids.length; count++) mask.push(isSaid);
  }
}
