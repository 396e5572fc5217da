import type { Reward, RewardSample } from './reward.ts';

/** Settings of {@link overlongReward}. */
export interface OverlongRewardOptions {
  /** Length from which on the full penalty applies. */
  readonly maxLength: number;
  /** Length before that over which the penalty grows. */
  readonly cacheLength: number;
  /** The length of a completion. @default its tokens where they are known, else its characters, as code points */
  readonly lengthOf?: (sample: RewardSample) => number;
}

/**
 * 0 up to `maxLength - cacheLength`, falling to -1 at `maxLength`, and -1 beyond.
 *
 * Source: DAPO (Yu et al. 2025), equation 13, soft overlong punishment.
 *
 * @throws {RangeError} when the lengths are not `0 < cacheLength <= maxLength`.
 */
export function overlongReward({
  maxLength,
  cacheLength,
  lengthOf = tokensOrCharacters,
}: OverlongRewardOptions): Reward {
  if (!(cacheLength > 0 && cacheLength <= maxLength)) {
    throw new RangeError(
      `cacheLength is ${cacheLength} and maxLength ${maxLength}; expected 0 < cacheLength <= maxLength`,
    );
  }
  const free = maxLength - cacheLength;
  return (sample) => -Math.min(1, Math.max(0, (lengthOf(sample) - free) / cacheLength));
}

function tokensOrCharacters({ completion, tokens }: RewardSample): number {
  if (tokens !== undefined) return tokens;
  let count = 0;
  for (const _ of completion) count++;
  return count;
}
