import { type Episode, numChosenTokens } from '@forge/data';
import { rewardMetrics } from '../rewards/reward-metrics.ts';
import { episodeMetrics } from './episode-metrics.ts';
import type { Batch } from './next-batch.ts';
import { sourceMetrics } from './source-metrics.ts';

/** What the completions that were sampled for a step were like, whichever of them were trained on. */
export function batchMetrics({
  groups: trained,
  rejected,
}: Batch): Readonly<Record<string, number>> & { readonly 'reward/mean': number } {
  const groups = [...trained, ...rejected].toSorted((a, b) => a.number - b.number);
  const episodes = groups.flatMap((group) => group.episodes);
  return {
    ...rewardMetrics(episodes),
    'group/solvedAll': mean(groups.map((group) => Number(group.episodes.every(({ isRight }) => isRight)))),
    'group/solvedNone': mean(groups.map((group) => Number(!group.episodes.some(({ isRight }) => isRight)))),
    'group/rejected': rejected.length / groups.length,
    'completions/meanLength': mean(episodes.map(numChosenTokens)),
    ...episodeMetrics(episodes),
    ...sourceMetrics(episodes),
    ...teacherMetrics(trained.flatMap((group) => group.episodes)),
    'completions/truncated': mean(episodes.map(({ isTruncated }) => Number(isTruncated))),
  };
}

/** How far the policy is from the teacher, in nats a token, where there is one. */
function teacherMetrics(episodes: readonly Episode[]): Readonly<Record<string, number>> {
  const differences = episodes.flatMap(({ logProbs, teacherLogProbs = new Float32Array(0), mask }) =>
    Array.from(teacherLogProbs, (logProb, t) => logProbs[t]! - logProb).filter((_, t) => mask?.[t] !== 0),
  );
  return differences.length === 0 ? {} : { 'teacher/kl': mean(differences) };
}

/** NaN of nothing. */
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
