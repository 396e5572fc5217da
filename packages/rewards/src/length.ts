import type { Reward } from './reward.ts';

/** Settings of {@link overlongReward}. */
export interface OverlongRewardOptions {
  /** Length from which on the full penalty applies. */
  readonly maxLength: number;
  /** Length before that over which the penalty grows. */
  readonly cacheLength: number;
  /** The length of a completion. @default its characters, as code points */
  readonly lengthOf?: (completion: string) => number;
}

/**
 * 0 up to `maxLength - cacheLength`, falling to -1 at `maxLength`, and -1 beyond.
 *
 * Source: DAPO (Yu et al. 2025), equation 13, soft overlong punishment.
 *
 * @throws {RangeError} when the lengths are not `0 < cacheLength <= maxLength`.
 */
export function overlongReward({ maxLength, cacheLength, lengthOf = codePoints }: OverlongRewardOptions): Reward {
  if (!(cacheLength > 0 && cacheLength <= maxLength)) {
    throw new RangeError(
      `cacheLength is ${cacheLength} and maxLength ${maxLength}; expected 0 < cacheLength <= maxLength`,
    );
  }
  const free = maxLength - cacheLength;
  return ({ completion }) => -Math.min(1, Math.max(0, (lengthOf(completion) - free) / cacheLength));
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
