import type { Tokenizer } from '@forge/models';
import { PromptError } from '../errors.ts';

/** Tokens to continue, and the text they stand for. */
export interface Prompt {
  readonly text: string;
  readonly ids: readonly number[];
}

/** A prompt of text or of token ids. @throws {PromptError} when a text is far too long */
export function promptOf(given: string | readonly number[], tokenizer: Tokenizer, maxModelLength: number): Prompt {
  if (typeof given === 'string') return { text: given, ids: encodePrompt(given, tokenizer, maxModelLength) };
  return { text: tokenizer.decode(given), ids: given };
}

/** Characters of a token in most texts. */
const CHARACTERS_A_TOKEN = 4;

/**
 * The tokens of a text. Encoding holds the event loop, half a second for a million characters, so a text whose beginning has
 * twice the tokens that there may be is refused without the rest.
 *
 * @throws {PromptError}
 */
export function encodePrompt(text: string, tokenizer: Pick<Tokenizer, 'encode'>, maxModelLength: number): number[] {
  for (let length = CHARACTERS_A_TOKEN * maxModelLength; length < text.length; length *= 4) {
    const numTokens = tokenizer.encode(text.slice(0, length)).length;
    if (numTokens <= 2 * maxModelLength) continue;
    const problem = `The first ${length} of the ${text.length} characters of the prompt have ${numTokens} tokens`;
    throw new PromptError(
      `${problem}, and maxModelLength is ${maxModelLength}. Shorten it.`,
      numTokens,
      maxModelLength,
    );
  }
  return tokenizer.encode(text);
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
