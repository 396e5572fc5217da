import type { Tokenizer } from '@forge/models';
import { PromptError } from '../errors.ts';

/** Tokens to continue, and the text they stand for. */
export interface Prompt {
  readonly text: string;
  readonly ids: readonly number[];
}

/** A prompt of text or of token ids. */
export function promptOf(given: string | readonly number[], tokenizer: Tokenizer): Prompt {
  if (typeof given === 'string') return { text: given, ids: tokenizer.encode(given) };
  return { text: tokenizer.decode(given), ids: given };
}

/** Refuses token ids that cannot be continued by at least one token. @throws {PromptError} */
export function checkPrompt(
  ids: readonly number[],
  { vocabSize, maxModelLength }: { readonly vocabSize: number; readonly maxModelLength: number },
): void {
  const refuse = (problem: string) => new PromptError(problem, ids.length, maxModelLength);
  if (ids.length === 0) throw refuse('The prompt has no tokens; give it at least one.');
  if (ids.length >= maxModelLength) {
    throw refuse(
      `The prompt has ${ids.length} tokens, which leaves no room for a completion within maxModelLength ` +
        `${maxModelLength}. Shorten it, or raise maxModelLength (if the model allows) or kvCacheBytes.`,
    );
  }
  const stranger = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
  if (stranger !== undefined)
    throw refuse(`Prompt token ${stranger} is outside of the vocabulary 0 … ${vocabSize - 1}.`);
}
