import * as z from 'zod';
import type { SamplingParams } from '../sampling/sampling-params.ts';
import { ApiError } from './api-error.ts';
import type { ApiRequest } from './api-request.ts';

/** OpenAI's limit of `n`. */
export const MAX_COMPLETIONS_A_PROMPT = 128;

/** Fields of both kinds of request that say how tokens are drawn; `null` counts as not given, as with OpenAI. */
export const samplingFields = {
  n: z.int().min(1).max(MAX_COMPLETIONS_A_PROMPT).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: z.record(z.string().regex(/^\d+$/, 'a token id'), z.number().min(-100).max(100)).nullish(),
  seed: z.int().nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(16)]).nullish(),
  // Beyond OpenAI's, under the names of vLLM.
  top_k: z.int().min(0).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().gt(0).nullish(),
  stop_token_ids: z.array(z.int().min(0)).nullish(),
} as const;

/** Fields of both kinds of request beside sampling and prompt. */
export const requestFields = {
  model: z.string(),
  stream: z.boolean().nullish(),
  stream_options: z.strictObject({ include_usage: z.boolean().nullish() }).nullish(),
  // Labels for the provider's own books; accepted and not used.
  user: z.string().nullish(),
  metadata: z.unknown().optional(),
  store: z.boolean().nullish(),
  service_tier: z.string().nullish(),
} as const;

/** How an answer comes. @throws {ApiError} when options of streams come without one */
export function streamingOf({
  stream,
  stream_options: options,
}: z.infer<z.ZodObject<typeof requestFields>>): Pick<ApiRequest, 'isStreamed' | 'includesUsage'> {
  if (options && !stream) {
    throw new ApiError(400, 'invalid_value', 'stream_options needs stream: true.', { param: 'stream_options' });
  }
  return { isStreamed: stream ?? false, includesUsage: options?.include_usage ?? false };
}

type Fields = z.infer<z.ZodObject<typeof samplingFields>>;

/** The fields that were given, as options of the generator. */
export function samplingOf(fields: Fields): SamplingParams {
  const given = {
    n: fields.n,
    temperature: fields.temperature,
    topP: fields.top_p,
    topK: fields.top_k,
    minP: fields.min_p,
    frequencyPenalty: fields.frequency_penalty,
    presencePenalty: fields.presence_penalty,
    repetitionPenalty: fields.repetition_penalty,
    logitBias: fields.logit_bias,
    seed: fields.seed,
    stop: fields.stop,
    stopTokenIds: fields.stop_token_ids,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== null));
}
