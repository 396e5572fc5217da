import type { Reward, RewardSample } from './reward.ts';

/** Settings of {@link jsonReward}. */
export interface JsonRewardOptions {
  /** What the value must be beyond valid JSON; one that throws does not fit. @default anything */
  readonly fits?: (value: unknown, sample: RewardSample) => boolean;
}

const FENCE = /^```(?:json)?[ \t]*\r?\n(.*?)^```/gms;

/** 1 when the completion, or its last fenced block, is JSON that fits, else 0. */
export function jsonReward({ fits = () => true }: JsonRewardOptions = {}): Reward {
  return (sample) => {
    const { completion } = sample;
    const text = [...completion.matchAll(FENCE)].at(-1)?.[1] ?? completion;
    try {
      return fits(JSON.parse(text), sample) ? 1 : 0;
    } catch {
      return 0;
    }
  };
}
