import type { Trend } from './trend.ts';

/** Something about a run that its user should know. */
export interface Condition {
  readonly name: string;
  readonly isRaised: (trend: Trend) => boolean;
  /** Looser than the opposite of `isRaised`, so that it is not told again and again. */
  readonly isOver: (trend: Trend) => boolean;
  /** What is seen, and what to do. */
  readonly tell: (trend: Trend) => string;
}

/** Steps in a row after which groups that teach nothing are no chance. */
const IN_ROW = 5;

/** A number of the step that is too large, and when it is well again. */
function above(
  metric: string,
  { limit, until, tell }: { readonly limit: number; readonly until: number; readonly tell: (value: string) => string },
): Pick<Condition, 'isRaised' | 'isOver' | 'tell'> {
  const valueIn = ({ latest }: Trend) => latest[metric] ?? Number.NEGATIVE_INFINITY;
  return {
    isRaised: (trend) => valueIn(trend) > limit,
    isOver: (trend) => valueIn(trend) <= until,
    tell: (trend) => tell(shown(valueIn(trend))),
  };
}

const shown = (value: number) => String(Number(value.toPrecision(3)));
const percent = (share: string) => `${Math.round(Number(share) * 100)} %`;

/** What runs are watched for. */
export const conditions: readonly Condition[] = [
  {
    name: 'rewardCollapse',
    isRaised: ({ reward, bestReward }) => bestReward > 0 && reward < bestReward / 2,
    isOver: ({ reward, bestReward }) => reward > (bestReward * 3) / 4,
    tell: ({ reward, bestReward }) =>
      `The mean reward has fallen from ${shown(bestReward)} to ${shown(reward)}. Go back to best/ with a lower ` +
      'grpo.learningRate or a higher grpo.beta.',
  },
  {
    name: 'noneRight',
    isRaised: ({ stepsWithoutRight }) => stepsWithoutRight >= IN_ROW,
    isOver: ({ stepsWithoutRight }) => stepsWithoutRight === 0,
    tell: ({ stepsWithoutRight }) =>
      `For ${stepsWithoutRight} steps hardly a group has had a right answer, so nothing teaches what is right. Begin with ` +
      'easier problems or a warm-up, raise grpo.groupSize, or look at completions.jsonl: the format may not be met.',
  },
  {
    name: 'allRight',
    isRaised: ({ stepsWithoutWrong }) => stepsWithoutWrong >= IN_ROW,
    isOver: ({ stepsWithoutWrong }) => stepsWithoutWrong === 0,
    tell: ({ stepsWithoutWrong }) =>
      `For ${stepsWithoutWrong} steps nearly all groups have been right as a whole, so nothing is left to learn. End the ` +
      'run by grpo.stopAccuracy, or take harder problems.',
  },
  {
    name: 'truncated',
    ...above('completions/truncated', {
      limit: 0.5,
      until: 0.4,
      tell: (share) => `${percent(share)} of the completions end at the token limit. Raise generator.maxTokens.`,
    }),
  },
  {
    name: 'entropyCollapse',
    isRaised: ({ latest, firstEntropy, stepsWithoutWrong }) =>
      stepsWithoutWrong === 0 && (latest['entropy'] ?? Number.POSITIVE_INFINITY) < 0.02 * firstEntropy,
    isOver: ({ latest, firstEntropy }) => (latest['entropy'] ?? 0) > 0.05 * firstEntropy,
    tell: ({ latest, firstEntropy }) =>
      `The entropy has fallen from ${shown(firstEntropy)} to ${shown(latest['entropy'] ?? 0)}: all completions of a prompt ` +
      'become alike. Raise grpo.entropyBonus, generator.temperature or grpo.epsilonHigh.',
  },
  {
    name: 'ratioDrift',
    isRaised: ({ latest }) => Math.abs(Math.log(latest['ratio/mean'] ?? 1)) > Math.log(1.25),
    isOver: ({ latest }) => Math.abs(Math.log(latest['ratio/mean'] ?? 1)) < Math.log(1.1),
    tell: ({ latest }) =>
      `The mean ratio to the policy that sampled is ${shown(latest['ratio/mean'] ?? 1)}, far from 1. Lower ` +
      'grpo.learningRate, grpo.maxPolicyAge or grpo.epochsPerBatch, or set grpo.correction.',
  },
  {
    name: 'samplerMismatch',
    ...above('sampling/sampling_logp_difference/mean', {
      limit: 0.2,
      until: 0.1,
      tell: (nats) =>
        `Sampler and trainer disagree by ${nats} nats a token. Set grpo.correction=tis, lower grpo.maxPolicyAge, or sample ` +
        'without generator.quantization.',
    }),
  },
  {
    name: 'unscored',
    ...above('completions/unscored', {
      limit: 0.1,
      until: 0.05,
      tell: (share) =>
        `${percent(share)} of the completions have no score. What goes wrong stands in completions.jsonl, and under ` +
        'reward/unscored/… in metrics.jsonl.',
    }),
  },
  {
    name: 'eventLoop',
    ...above('app_perf/event_loop_delay/max_ms', {
      limit: 2_000,
      until: 1_000,
      tell: (ms) =>
        `The program itself did nothing else for ${ms} ms: the machine is overloaded, or something blocks it.`,
    }),
  },
];
