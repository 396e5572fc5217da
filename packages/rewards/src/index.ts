export { boxedAnswer, finalAnswer, type TaggedAnswer, taggedAnswer } from './answer.ts';
export { type ExactMatchRewardOptions, exactMatchReward } from './exact-match.ts';
export { type JsonRewardOptions, jsonReward } from './json.ts';
export { type OverlongRewardOptions, overlongReward } from './length.ts';
export { type MathRewardOptions, mathReward } from './math.ts';
export { parseNumber } from './number.ts';
export { type AnyReward, meanReward, type Reward, type RewardSample } from './reward.ts';
export { symbolicReward } from './symbolic/symbolic.ts';
export { type ThinkingRewardOptions, thinkingReward } from './thinking.ts';
export {
  type RewardProblem,
  type Score,
  type WeightedPart,
  type WeightedRewardOptions,
  weightedReward,
} from './weighted.ts';
