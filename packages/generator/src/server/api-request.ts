import type { Tokenizer } from '@forge/models';
import type { Completion } from '../engine/completion.ts';
import type { CompletionDelta } from '../engine/completion-delta.ts';
import type { Prompt } from '../engine/prompt.ts';
import type { SamplingParams } from '../sampling/sampling-params.ts';

/** How one kind of request words its answer. */
export interface AnswerShape {
  readonly idPrefix: string;
  /** Values of `object` in a whole answer and in a piece of one. */
  readonly object: string;
  readonly chunkObject: string;
  choice(completion: Completion, index: number): object;
  /** What comes before the first delta of a choice, if anything does. */
  opening(index: number): object | undefined;
  chunkChoice(delta: CompletionDelta, index: number): object;
}

/** A request of either kind, read and checked. */
export interface ApiRequest {
  readonly model: string;
  readonly prompts: readonly Prompt[];
  readonly sampling: SamplingParams;
  /** The field that says what the answer must be, if one does. */
  readonly constrainedBy: string | undefined;
  readonly isStreamed: boolean;
  /** A last piece with the usage, when it is streamed. */
  readonly includesUsage: boolean;
  readonly shape: AnswerShape;
}

/** Reads the body of one kind of request. @throws {ApiError} and the errors of prompts and chat templates */
export type ReadRequest = (body: Readonly<Record<string, unknown>>, tokenizer: Tokenizer) => ApiRequest;
