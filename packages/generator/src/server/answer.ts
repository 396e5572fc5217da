import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Completion } from '../engine/completion.ts';
import type { CompletionDelta } from '../engine/completion-delta.ts';
import type { Prompt } from '../engine/prompt.ts';
import { streamCompletions } from '../engine/stream-completions.ts';
import { ConstraintError } from '../errors.ts';
import type { OpenedModel } from '../open-model.ts';
import { type ResolvedSamplingParams, resolveSamplingParams } from '../sampling/sampling-params.ts';
import { ApiError, apiErrorOf, errorBody } from './api-error.ts';
import type { ApiRequest } from './api-request.ts';
import { EventStream } from './event-stream.ts';

/** Answers a request, whole or as a stream; returns the completions, one list a prompt. */
export async function answer(
  request: ApiRequest,
  { engine }: OpenedModel,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<readonly (readonly Completion[])[]> {
  const params = resolveSamplingParams(request.sampling);
  for (const { ids } of request.prompts) checked(request, () => engine.check(ids, params));
  // When one prompt fails, the answer does: the others are given up.
  const siblings = new AbortController();
  const either = AbortSignal.any([signal, siblings.signal]);
  const run = request.isStreamed ? answerInPieces : answerAtOnce;
  const open = (prompt: Prompt) => streamCompletions(engine, prompt, params, either);
  try {
    return await run({ request, params, open, response, signal: either });
  } finally {
    siblings.abort();
  }
}

/** A constraint that cannot be obeyed is refused by the name of the field that asks for it. */
function checked({ constrainedBy }: ApiRequest, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof ConstraintError) || constrainedBy === undefined) throw error;
    throw new ApiError(400, 'invalid_value', error.message, { param: constrainedBy });
  }
}

interface Answering {
  readonly request: ApiRequest;
  readonly params: ResolvedSamplingParams;
  readonly open: (prompt: Prompt) => AsyncGenerator<CompletionDelta, readonly Completion[]>;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
}

type Answers = Promise<readonly (readonly Completion[])[]>;

async function answerAtOnce({ request, open, response }: Answering): Answers {
  const all = await Promise.all(request.prompts.map((prompt) => drained(open(prompt))));
  const choices = all.flat().map((completion, index) => request.shape.choice(completion, index));
  const body = { ...envelope(request, request.shape.object), choices, usage: usageOf(all) };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
  return all;
}

async function answerInPieces({ request, params, open, response, signal }: Answering): Answers {
  const { shape } = request;
  const events = new EventStream(response);
  const common = envelope(request, shape.chunkObject);
  const send = (choice: object) => events.send({ ...common, choices: [choice] }, signal);
  const follow = async (prompt: Prompt, position: number): Promise<readonly Completion[]> => {
    const indexOf = (index: number) => position * params.n + index;
    for (let index = 0; index < params.n; index++) {
      const opening = shape.opening(indexOf(index));
      if (opening) await send(opening);
    }
    const deltas = open(prompt);
    for (let next = await deltas.next(); ; next = await deltas.next()) {
      if (next.done) return next.value;
      await send(shape.chunkChoice(next.value, indexOf(next.value.index)));
    }
  };
  try {
    const all = await Promise.all(request.prompts.map(follow));
    if (request.includesUsage) await events.send({ ...common, choices: [], usage: usageOf(all) }, signal);
    await events.send('[DONE]', signal);
    return all;
  } catch (error) {
    // The status is sent: an error can only be another event. A client that has gone gets nothing.
    if (!response.destroyed)
      await events.send(errorBody(apiErrorOf(error)), AbortSignal.timeout(1_000)).catch(() => {});
    throw error;
  } finally {
    events.end();
  }
}

async function drained(deltas: AsyncGenerator<CompletionDelta, readonly Completion[]>): Promise<readonly Completion[]> {
  for (let next = await deltas.next(); ; next = await deltas.next()) if (next.done) return next.value;
}

function envelope({ shape, model }: ApiRequest, object: string): object {
  return { id: `${shape.idPrefix}-${randomUUID()}`, object, created: Math.floor(Date.now() / 1000), model };
}

function usageOf(all: readonly (readonly Completion[])[]): object {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const promptTokens = sum(all.map(([first]) => first?.promptIds.length ?? 0));
  const completionTokens = sum(all.flat().map(({ tokenIds }) => tokenIds.length));
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}
