import type { Reward, RewardSample } from './reward.ts';

/** One of several rewards. */
export interface WeightedPart {
  readonly reward: Reward;
  /** @default 1 */
  readonly weight?: number;
}

/** A score and what it is made of. */
export interface Score {
  /** The weighted mean; none when a part gave none, and the sample is to be left out. */
  readonly reward: number | undefined;
  /** What each part gave; none where it threw, or gave something that is not a finite number. */
  readonly parts: Readonly<Record<string, number | undefined>>;
  /** Why a part gave no score. */
  readonly problems: Readonly<Record<string, string>>;
}

/**
 * Scores by several rewards: their weighted mean, with each part beside it. A part that fails fails its sample, not the run.
 *
 * @throws {RangeError} when the weights are not finite or sum to 0.
 */
export function weightedReward(
  parts: Readonly<Record<string, WeightedPart | Reward>>,
): (sample: RewardSample) => Score {
  const weighted = Object.entries(parts).map(([name, part]) => {
    const { reward, weight = 1 } = typeof part === 'function' ? { reward: part } : part;
    return { name, reward, weight };
  });
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  if (!Number.isFinite(total) || total === 0)
    throw new RangeError(`the weights sum to ${total}; expected a number but 0`);
  return (sample) => {
    const scores: Record<string, number | undefined> = {};
    const problems: Record<string, string> = {};
    let sum = 0;
    for (const { name, reward, weight } of weighted) {
      try {
        const score = reward(sample);
        if (!Number.isFinite(score)) throw new RangeError(`it gave ${score}`);
        scores[name] = score;
        sum += weight * score;
      } catch (error) {
        scores[name] = undefined;
        problems[name] = error instanceof Error ? error.message : String(error);
      }
    }
    return { reward: Object.keys(problems).length > 0 ? undefined : sum / total, parts: scores, problems };
  };
}
