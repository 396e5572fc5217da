export { type MathRewardOptions, mathReward } from './math.ts';
export { parseNumber } from './number.ts';
export { meanReward, type Reward, type RewardSample } from './reward.ts';
export { type ThinkingRewardOptions, thinkingReward } from './thinking.ts';
