import type { RewardSample } from '@forge/rewards';

/** What is to be scored. */
export interface Answer extends RewardSample {
  /** The token limit ended it. */
  readonly isTruncated: boolean;
  /** What the environment gave that it was played in. */
  readonly environmentReward?: number;
  /** Why its environment could not go on, if it could not: it has no score then. */
  readonly failure?: string;
}

/** Why an answer has no score: which function, what it did, and in its own words. */
export interface Unscored {
  readonly function: string;
  readonly reason: 'threw' | 'notANumber' | 'timedOut' | 'outOfMemory' | 'died' | 'notApplicable';
  readonly message: string;
}

/** The reward of one answer. */
export interface Score {
  /** None: the answer is left out of its group. */
  readonly reward: number | undefined;
  /** What each function gave that applies to it. */
  readonly rewards: Readonly<Record<string, number>>;
  /** It counts as right, whatever earns rewards. */
  readonly isRight: boolean;
  readonly unscored?: Unscored;
}
