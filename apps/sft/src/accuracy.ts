import { exactMatchReward, mathReward, type Reward, symbolicReward } from '@forge/rewards';

/** When an answer is right, by name. */
export const accuracyRules: Readonly<Record<string, Reward>> = {
  /** The number of the answer is the target's. */
  math: mathReward(),
  /** The expression of the answer equals the target. */
  symbolic: symbolicReward(),
  /** The text of the answer is the target. */
  exact: exactMatchReward(),
};
