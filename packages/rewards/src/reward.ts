/** What a reward judges. */
export interface RewardSample {
  /** What the model was asked. */
  readonly prompt: string;
  /** What it answered. */
  readonly completion: string;
  /** The reference answer of the data set; a reward that needs none ignores it. */
  readonly target: string;
  /** What else the record of the data set says. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Length of the completion in tokens, where it is known. */
  readonly tokens?: number;
}

/** Scores one completion; pure, so that equal samples score equally in every process. */
export type Reward = (sample: RewardSample) => number;

/** A reward that may answer later, and has no opinion of a sample for which it gives `undefined`. */
export type AnyReward<Sample extends RewardSample = RewardSample> = (
  sample: Sample,
) => number | undefined | PromiseLike<number | undefined>;

/**
 * The average score of several rewards; no rewards score 0.
 *
 * Source: TorchForge `apps/grpo/main.py`, `RewardActor`.
 */
export function meanReward(rewards: readonly Reward[]): Reward {
  if (rewards.length === 0) return () => 0;
  return (sample) => rewards.reduce((total, reward) => total + reward(sample), 0) / rewards.length;
}
