import { mathReward, meanReward, type Reward, thinkingReward } from '../src/index.ts';

export const mean: Reward = meanReward([mathReward({ tolerance: 0.1 }), thinkingReward({ fullReward: 2 })]);

// @ts-expect-error a reward needs the target
mean({ prompt: '', completion: '' });
// @ts-expect-error there is no such option
mathReward({ partial_credit: 0.1 });
// @ts-expect-error a reward is a number
meanReward([() => 'good']);
