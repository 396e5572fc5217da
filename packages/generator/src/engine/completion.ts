import type { TokenLogProb } from '../sampling/sampler.ts';
import type { FinishReason } from './finish.ts';

/** Milliseconds from the arrival of a request. */
export interface CompletionTiming {
  /** Until it got a slot and its prompt began to run. */
  readonly queuedMs: number;
  readonly firstTokenMs: number;
  readonly totalMs: number;
}

/** Tokens of a completion and what was recorded with each of them. */
export interface Recorded {
  readonly tokenIds: readonly number[];
  /** [tokens] of the chosen tokens; see `SamplingParams.logProbs`. */
  readonly logProbs: Float32Array;
  /** The best tokens at each place, best first; only when `SamplingParams.topLogProbs` asks for them. */
  readonly topLogProbs?: readonly (readonly TokenLogProb[])[];
  /** [tokens] The weight version that produced each token. */
  readonly versions: Int32Array;
}

/** One generated continuation of a prompt, its tokens up to and including the one that ended it; plain data, crosses processes as it is. */
export interface Completion extends Recorded {
  readonly prompt: string;
  readonly promptIds: readonly number[];
  /** Place among the `n` completions of the prompt. */
  readonly index: number;
  /** Ends before the stop string or stop token; special tokens are left out. */
  readonly text: string;
  readonly finishReason: FinishReason;
  /** The stop token or stop string that ended it. */
  readonly stoppedBy?: number | string;
  /** Prompt tokens whose keys and values were copied from another completion instead of computed. */
  readonly numCachedTokens: number;
  readonly timing: CompletionTiming;
}
