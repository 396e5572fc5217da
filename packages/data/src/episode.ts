import type { Message } from '@forge/environments';
import type { Versioned } from './replay-buffer.ts';

/** One completion of a prompt, as the generator sampled it. */
export interface Sampled {
  readonly prompt: string;
  readonly promptIds: readonly number[];
  readonly completion: string;
  readonly tokenIds: readonly number[];
  /** [tokens] log-probability of each token under the weights that sampled it. */
  readonly logProbs: Float32Array;
  /** [tokens] the weight version that each token came from. */
  readonly versions: Int32Array;
  /** The oldest weight version that any of its tokens came from. */
  readonly policyVersion: number;
  /** Whether the model ended it itself, or the token limit did. */
  readonly finishReason: 'stop' | 'length' | 'abort';
  /** A limit ended it before it was complete. */
  readonly isTruncated: boolean;
  /** [tokens] 0 where the policy did not choose the token, such as in the output of a tool. @default it chose all */
  readonly mask?: Uint8Array;
  /** Answers of the policy in it. @default 1 */
  readonly turns?: number;
  /** What was said after the prompt, by role, where there were several turns; `completion` is then the last of them. */
  readonly messages?: readonly Message[];
  /** What the environment gave, where it gave something. */
  readonly environmentReward?: number;
  /** What the environment counted, such as calls of tools. */
  readonly counts?: Readonly<Record<string, number>>;
  /** Why its environment could not go on: nothing can be said of how good it is. */
  readonly failure?: string;
}

/** A completion with its reward. */
export interface Scored extends Sampled {
  readonly target: string;
  /** Where its task is from, of several sources. */
  readonly source?: string;
  /** None when it could not be scored: it takes no part in the mean of its group. */
  readonly reward: number | undefined;
  /** What each function gave that `reward` is the mean of, by name. */
  readonly rewards: Readonly<Record<string, number>>;
  /** The answer is the target. */
  readonly isRight: boolean;
  /** Why there is no reward. */
  readonly unscored?: { readonly function: string; readonly reason: string; readonly message: string };
}

/** A scored completion that can be trained on. */
export interface Episode extends Scored {
  /** [tokens] under the reference weights; absent where no reference runs. */
  readonly refLogProbs?: Float32Array;
  /** [tokens] under the weights of a teacher; absent where there is none. */
  readonly teacherLogProbs?: Float32Array;
}

/** The episodes of one prompt, which are trained on together; `number` is that of the prompt in the order of sampling. */
export interface Group extends Versioned {
  readonly episodes: readonly Episode[];
  /** Whose average their rewards are compared with, where it is not that of the group. */
  readonly role?: string;
  /** Of the greedy completion of the prompt, where that was played, too, and has a score. */
  readonly greedyReward?: number;
}

/** What a completion must tell to become a {@link Sampled}; those of `@forge/generator` do. */
export interface Generated
  extends Pick<Sampled, 'prompt' | 'promptIds' | 'tokenIds' | 'logProbs' | 'versions' | 'finishReason'> {
  readonly text: string;
}

/** A completion in the words of an episode. One without tokens has the policy version Infinity: it makes no group older. */
export function sampledFrom(completion: Generated): Sampled {
  const { prompt, promptIds, text, tokenIds, logProbs, versions, finishReason } = completion;
  const policyVersion = versions.reduce((oldest, version) => Math.min(oldest, version), Number.POSITIVE_INFINITY);
  const isTruncated = finishReason !== 'stop';
  return {
    prompt,
    promptIds,
    completion: text,
    tokenIds,
    logProbs,
    versions,
    policyVersion,
    finishReason,
    isTruncated,
  };
}

/** How many of the tokens of an episode the policy chose. */
export function numChosenTokens({ tokenIds, mask }: Pick<Sampled, 'tokenIds' | 'mask'>): number {
  return mask?.reduce((sum, isChosen) => sum + isChosen, 0) ?? tokenIds.length;
}

/** The oldest weight version in any of these, which is that of their group. @throws {RangeError} when there are none. */
export function policyVersionOf(episodes: readonly Pick<Sampled, 'policyVersion'>[]): number {
  if (episodes.length === 0) throw new RangeError('A group without episodes has no policy version. Leave it out.');
  return Math.min(...episodes.map(({ policyVersion }) => policyVersion));
}
