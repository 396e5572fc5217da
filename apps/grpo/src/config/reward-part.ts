import type { RewardFunction } from './reward-functions.ts';

/** A reward function of a configuration, in full. */
export interface RewardPart {
  readonly name: string;
  readonly weight: number;
  readonly options: Readonly<Record<string, unknown>>;
}

/** What is said of a reward function, in full. */
export function partOf(given: RewardFunction): RewardPart {
  if (typeof given === 'string') return { name: given, weight: 1, options: {} };
  const { name, weight = 1, ...options } = given;
  return { name, weight, options };
}
