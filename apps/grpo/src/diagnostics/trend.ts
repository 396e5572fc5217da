/** The metrics of a step, by name; what it does not have is absent. */
export type StepNumbers = Readonly<Record<string, number>>;

/** What the steps so far were like, for conditions that one step alone does not show. */
export interface Trend {
  readonly latest: StepNumbers;
  /** Steps that were seen. */
  readonly steps: number;
  /** Mean reward over about the last ten steps, and the best that it was. */
  readonly reward: number;
  readonly bestReward: number;
  /** Mean entropy of the first ten steps. */
  readonly firstEntropy: number;
  /** Steps in a row in which nearly all groups were wrong, or right, as a whole. */
  readonly stepsWithoutRight: number;
  readonly stepsWithoutWrong: number;
}

export const noTrend: Trend = {
  latest: {},
  steps: 0,
  reward: Number.NaN,
  bestReward: Number.NEGATIVE_INFINITY,
  firstEntropy: Number.NaN,
  stepsWithoutRight: 0,
  stepsWithoutWrong: 0,
};

/** Steps over which a mean is taken. */
const SPAN = 10;
/** Share of the groups that is nearly all. */
const NEARLY_ALL = 0.9;

/** The trend after one more step. */
export function nextTrend(before: Trend, latest: StepNumbers): Trend {
  const steps = before.steps + 1;
  const averaged = (mean: number, value: number | undefined) => {
    if (value === undefined || !Number.isFinite(value)) return mean;
    return Number.isNaN(mean) ? value : mean + (value - mean) / Math.min(steps, SPAN);
  };
  const reward = averaged(before.reward, latest['reward/mean']);
  const inRow = (count: number, share: number | undefined) => ((share ?? 0) >= NEARLY_ALL ? count + 1 : 0);
  return {
    latest,
    steps,
    reward,
    // The first steps say little about what is usual.
    bestReward: steps >= SPAN && reward > before.bestReward ? reward : before.bestReward,
    firstEntropy: steps <= SPAN ? averaged(before.firstEntropy, latest['entropy']) : before.firstEntropy,
    stepsWithoutRight: inRow(before.stepsWithoutRight, latest['group/solvedNone']),
    stepsWithoutWrong: inRow(before.stepsWithoutWrong, latest['group/solvedAll']),
  };
}
