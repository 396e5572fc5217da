/** One completion of a prompt, as the generator sampled it. */
export interface Sampled {
  readonly prompt: string;
  readonly promptIds: readonly number[];
  readonly completion: string;
  readonly tokenIds: readonly number[];
  /** [tokens] log-probability of each token under the weights that sampled it. */
  readonly logProbs: Float32Array;
  /** The oldest weight version that any of its tokens came from. */
  readonly policyVersion: number;
  /** Whether the model ended it itself, or the token limit did. */
  readonly finishReason: 'stop' | 'length' | 'abort';
}

/** A completion with its reward. */
export interface Scored extends Sampled {
  readonly target: string;
  readonly reward: number;
  /** The reward of each function that `reward` is the mean of, by name. */
  readonly rewards: Readonly<Record<string, number>>;
  /** The answer is the target. */
  readonly isRight: boolean;
}

/** A scored completion that can be trained on. */
export interface Episode extends Scored {
  /** How much better its reward is than its group's. */
  readonly advantage: number;
  /** [tokens] under the reference weights; absent where no reference runs. */
  readonly refLogProbs?: Float32Array;
}

/** The episodes of one prompt. */
export interface Group {
  /** The number of the prompt in the order of sampling. */
  readonly number: number;
  readonly episodes: readonly Episode[];
}
