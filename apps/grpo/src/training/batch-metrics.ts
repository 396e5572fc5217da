import type { Group } from '@forge/data';
import { rewardMetrics } from '../rewards/reward-metrics.ts';

/** What the completions of a step were like, whichever of them were trained on. */
export function batchMetrics(
  groups: readonly Group[],
): Readonly<Record<string, number>> & { readonly 'reward/mean': number } {
  const episodes = groups.flatMap((group) => group.episodes);
  return {
    ...rewardMetrics(episodes),
    'group/solvedAll': mean(groups.map((group) => Number(group.episodes.every(({ isRight }) => isRight)))),
    'group/solvedNone': mean(groups.map((group) => Number(!group.episodes.some(({ isRight }) => isRight)))),
    'completions/meanLength': mean(episodes.map(({ tokenIds }) => tokenIds.length)),
    'completions/truncated': mean(episodes.map(({ isTruncated }) => Number(isTruncated))),
  };
}

/** NaN of nothing. */
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
