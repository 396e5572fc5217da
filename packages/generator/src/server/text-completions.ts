import type { Tokenizer } from '@forge/models';
import * as z from 'zod';
import type { Recorded } from '../engine/completion.ts';
import type { Prompt } from '../engine/prompt.ts';
import { ApiError } from './api-error.ts';
import type { AnswerShape, ReadRequest } from './api-request.ts';
import { parseRequest } from './parse-request.ts';
import { requestFields, samplingFields, samplingOf, streamingOf } from './sampling-fields.ts';
import { constraintOf, structuredFields } from './structured-fields.ts';

/** Of one request; they are encoded, or decoded, at once. */
const MAX_PROMPTS = 2048;
const tokenIds = z.array(z.int().min(0)).min(1);
const schema = z.strictObject({
  ...requestFields,
  ...samplingFields,
  ...structuredFields,
  prompt: z.union([
    z.string(),
    tokenIds,
    z.array(z.string()).min(1).max(MAX_PROMPTS),
    z.array(tokenIds).min(1).max(MAX_PROMPTS),
  ]),
  max_tokens: z.int().min(1).nullish(),
  logprobs: z.int().min(0).max(100).nullish(),
  best_of: z.int().min(1).nullish(),
  echo: z.literal(false).nullish(),
  suffix: z.null().optional(),
});

/** Reads a body of `/v1/completions`. */
export const readTextRequest: ReadRequest = (body, tokenizer) => {
  const fields = parseRequest(schema, body);
  const { model, prompt, max_tokens, logprobs, n, best_of } = fields;
  if (best_of && best_of !== (n ?? 1)) {
    throw new ApiError(
      400,
      'invalid_value',
      `best_of is ${best_of}, but every completion is returned: n is ${n ?? 1}.`,
      {
        param: 'best_of',
      },
    );
  }
  const constraint = constraintOf(fields);
  return {
    model,
    prompts: promptsOf(prompt, tokenizer),
    sampling: {
      ...samplingOf(fields),
      ...(constraint && { structuredOutputs: constraint.outputs }),
      maxTokens: max_tokens ?? 16, // OpenAI's default
      logProbs: 'raw',
      topLogProbs: logprobs ?? 0,
    },
    constrainedBy: constraint?.param,
    ...streamingOf(fields),
    shape: textShape(tokenizer, logprobs ?? undefined),
  };
};

function promptsOf(given: z.infer<typeof schema>['prompt'], tokenizer: Tokenizer): readonly Prompt[] {
  const ofText = (text: string): Prompt => ({ text, ids: tokenizer.encode(text) });
  const ofIds = (ids: readonly number[]): Prompt => ({ text: tokenizer.decode(ids), ids });
  if (typeof given === 'string') return [ofText(given)];
  return given.every((part) => typeof part === 'number')
    ? [ofIds(given)]
    : given.map((part) => (typeof part === 'string' ? ofText(part) : ofIds(part)));
}

/** `numTop`: how many tokens each place reports; `undefined`: no log-probabilities at all. */
function textShape(tokenizer: Tokenizer, numTop: number | undefined): AnswerShape {
  const spelling = (id: number) => tokenizer.decode([id]);
  const logProbsOf = ({ tokenIds, logProbs, topLogProbs }: Recorded) => {
    if (numTop === undefined) return null;
    const tokens = tokenIds.map(spelling);
    let offset = 0;
    return {
      tokens,
      token_logprobs: [...logProbs],
      top_logprobs: topLogProbs
        ? topLogProbs.map((top) => Object.fromEntries(top.map(({ tokenId, logProb }) => [spelling(tokenId), logProb])))
        : null,
      text_offset: tokens.map((text) => {
        offset += text.length;
        return offset - text.length;
      }),
    };
  };
  return {
    idPrefix: 'cmpl',
    object: 'text_completion',
    chunkObject: 'text_completion',
    choice: (completion, index) => ({
      index,
      text: completion.text,
      finish_reason: completion.finishReason,
      logprobs: logProbsOf(completion),
    }),
    opening: () => undefined,
    chunkChoice: (delta, index) => ({
      index,
      text: delta.text,
      finish_reason: delta.finishReason ?? null,
      logprobs: logProbsOf(delta),
    }),
  };
}
