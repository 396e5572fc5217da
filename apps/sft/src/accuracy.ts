import { exactMatchReward, mathReward, symbolicReward } from '@forge/rewards';
import type { Answer, Score } from '@forge/run';

/** What an answer is worth, 1 when it is right; nothing where the rule does not apply. */
type AccuracyRule = (answer: Answer) => number | undefined;

/** When an answer is right, by name. */
export const accuracyRules: Readonly<Record<string, AccuracyRule>> = {
  /** The number of the answer is the target's. */
  math: mathReward(),
  /** The expression of the answer equals the target. */
  symbolic: symbolicReward(),
  /** The text of the answer is the target. */
  exact: exactMatchReward(),
  /** The environment gave all that there is. */
  environment: ({ environmentReward }) => environmentReward,
};

/** Judges answers by a rule: those that a limit cut off are worth nothing, and those that an environment failed at have no score. */
export function judge(rule: AccuracyRule, answers: readonly Answer[]): readonly Score[] {
  return answers.map((answer) => {
    const worth = answer.isTruncated ? 0 : rule(answer);
    const reward = answer.failure === undefined ? worth : undefined;
    return { reward, rewards: {}, isRight: reward !== undefined && reward >= 1 };
  });
}
