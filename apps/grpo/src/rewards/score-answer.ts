import { type Score as PartScores, weightedReward } from '@forge/rewards';
import type { Answer, Score, Unscored } from '@forge/run';
import type { RewardConfig } from '../config/reward.ts';
import type { RewardName } from '../config/reward-functions.ts';
import { partOf } from '../config/reward-part.ts';
import { type AnswerReward, type FunctionContext, rewardFunctions } from './functions.ts';
import { loadOwnFunction } from './load-own-function.ts';

/** Scores one answer by all functions of a configuration, or by one of them. */
export type ScoreAnswer = (answer: Answer, only?: string) => Promise<Score>;

/** The functions that a configuration scores by, that which tells what is right included. */
export const scoringFunctions = ({ functions, right }: RewardConfig): readonly string[] => [
  ...new Set([...functions.map((each) => partOf(each).name), right.function]),
];

/** Makes the functions of a configuration, and what they need. */
export async function answerScorer(config: RewardConfig, context: FunctionContext): Promise<ScoreAnswer> {
  const { right, truncated, timeoutMs } = config;
  const build = async (name: string, options: object): Promise<AnswerReward> => {
    // Checked with the configuration: the options are those of this function, and there is a module where it is none of ours.
    if (!Object.hasOwn(rewardFunctions, name)) return await loadOwnFunction(config.module!, name);
    return await rewardFunctions[name as RewardName](options as never, context);
  };
  const parts = await Promise.all(
    config.functions.map(partOf).map(async ({ name, weight, options }) => {
      return [name, { reward: await build(name, options), weight }] as const;
    }),
  );
  const all = weightedReward(Object.fromEntries(parts), { timeoutMs });
  const each = new Map(parts.map(([name, { reward }]) => [name, weightedReward({ [name]: reward }, { timeoutMs })]));
  const isPart = parts.some(([name]) => name === right.function);
  const judge = isPart
    ? undefined
    : weightedReward({ [right.function]: await build(right.function, {}) }, { timeoutMs });
  return async (answer, only) => {
    const { failure } = answer;
    if (failure !== undefined) {
      const unscored = { function: 'environment', reason: 'threw', message: failure } as const;
      return { reward: undefined, rewards: {}, isRight: false, unscored };
    }
    const score = only === undefined ? all : (each.get(only) ?? judge!); // it is one of them
    const [scored, judged] = await Promise.all([score(answer), only === undefined ? judge?.(answer) : undefined]);
    const isCut = answer.isTruncated && truncated === 'zero';
    const value = (judged ?? scored).parts[right.function];
    const unscored = isCut ? undefined : unscoredOf(scored);
    return {
      reward: isCut ? 0 : scored.reward,
      rewards: givenIn(scored.parts),
      isRight: !isCut && value !== undefined && value >= right.atLeast,
      ...(unscored && { unscored }),
    };
  };
}

function givenIn(parts: PartScores['parts']): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(parts).flatMap(([name, part]) => (part === undefined ? [] : [[name, part]])),
  );
}

function unscoredOf({ reward, problems }: PartScores): Unscored | undefined {
  if (reward !== undefined) return undefined;
  const [first] = Object.entries(problems);
  if (first !== undefined) return { function: first[0], ...first[1] };
  return { function: 'any', reason: 'notApplicable', message: 'no function with a weight applies to it' };
}
