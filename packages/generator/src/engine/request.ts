import type { Random } from '@forge/tensor';
import type { Constraint } from '../constraint/constraint.ts';
import type { ResolvedSamplingParams } from '../sampling/sampling-params.ts';
import type { Decode } from '../text/detokenize.ts';
import type { Completion } from './completion.ts';
import type { CompletionDelta } from './completion-delta.ts';
import type { Finish, FinishRules } from './finish.ts';
import type { Prompt } from './prompt.ts';
import { Sequence } from './sequence.ts';

/** What a request is made of. */
export interface RequestParts {
  readonly prompt: Prompt;
  readonly params: ResolvedSamplingParams;
  /** Of `params.structuredOutputs`. */
  readonly constraint?: Constraint | undefined;
  readonly finishRules: FinishRules;
  readonly random: Random;
  readonly decode: Decode;
  readonly arrivedAtMs: number;
  /** Lower ones go first. */
  readonly priority: number;
  /** Place in the order of arrival. */
  readonly arrival: number;
  /** Sees each completion grow. */
  readonly onDelta?: ((delta: CompletionDelta) => void) | undefined;
}

/** One prompt with its `n` sequences; settles once, with all their completions or with an error. */
export class Request {
  readonly prompt: Prompt;
  readonly params: ResolvedSamplingParams;
  readonly constraint: Constraint | undefined;
  readonly finishRules: FinishRules;
  readonly decode: Decode;
  readonly arrivedAtMs: number;
  readonly priority: number;
  readonly arrival: number;
  /** All of the prompt but its last token, which is computed with the first token of each completion. */
  readonly cachedIds: readonly number[];
  readonly sequences: readonly Sequence[];
  readonly completions: Promise<readonly Completion[]>;
  readonly #onDelta: ((delta: CompletionDelta) => void) | undefined;
  readonly #resolve: (completions: readonly Completion[]) => void;
  readonly #reject: (error: unknown) => void;
  readonly #finished: Completion[] = [];
  #isSettled = false;

  constructor({
    prompt,
    params,
    constraint,
    finishRules,
    random,
    decode,
    arrivedAtMs,
    priority,
    arrival,
    onDelta,
  }: RequestParts) {
    this.prompt = prompt;
    this.params = params;
    this.constraint = constraint;
    this.finishRules = finishRules;
    this.decode = decode;
    this.arrivedAtMs = arrivedAtMs;
    this.priority = priority;
    this.arrival = arrival;
    this.cachedIds = prompt.ids.slice(0, -1);
    this.#onDelta = onDelta;
    this.sequences = Array.from({ length: params.n }, (_, index) => {
      return new Sequence(this, index, random.split(`completion ${index}`));
    });
    const { promise, resolve, reject } = Promise.withResolvers<readonly Completion[]>();
    this.completions = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  get isStreamed(): boolean {
    return this.#onDelta !== undefined;
  }

  /** Tells of the growth of one sequence, and of its end, if it has ended; the last one to end settles the request. */
  deliver(sequence: Sequence, finish: Finish | undefined, nowMs: number): void {
    if (this.#isSettled) return;
    this.#onDelta?.(sequence.delta(finish));
    if (!finish) return;
    this.#finished.push(sequence.complete(finish, nowMs));
    if (this.#finished.length < this.params.n) return;
    this.#isSettled = true;
    this.#resolve(this.#finished.sort((a, b) => a.index - b.index));
  }

  /** Settles the request with an error, unless it is settled. */
  fail(error: unknown): void {
    this.#isSettled = true;
    this.#reject(error);
  }
}
