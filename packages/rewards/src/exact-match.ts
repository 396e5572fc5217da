import { finalAnswer } from './answer.ts';
import type { Reward } from './reward.ts';

/** Settings of {@link exactMatchReward}. */
export interface ExactMatchRewardOptions {
  /** What is compared: the final answer (tagged or boxed, else the whole completion), or always the whole. @default 'answer' */
  readonly of?: 'answer' | 'completion';
  /** Upper and lower case differ. @default false */
  readonly caseSensitive?: boolean;
}

/** 1 when the answer is the target, white space apart, else 0. */
export function exactMatchReward({ of = 'answer', caseSensitive = false }: ExactMatchRewardOptions = {}): Reward {
  const normalize = (text: string) => {
    const spaced = text.normalize('NFC').trim().replaceAll(/\s+/g, ' ');
    return caseSensitive ? spaced : spaced.toLowerCase();
  };
  return ({ completion, target }) => {
    const answer = of === 'answer' ? (finalAnswer(completion) ?? completion) : completion;
    return normalize(answer) === normalize(target) ? 1 : 0;
  };
}
