import { type Episode, type Group, numChosenTokens } from '@forge/data';
import { groupAdvantages, multiRewardAdvantages } from '@forge/trainer';
import type { Config } from '../config/config.ts';
import { given } from '../config/given.ts';

/** An episode with what its tokens are worth. */
export interface TrainedEpisode extends Episode {
  /** Of all of it, or of each token. */
  readonly advantage: number | Float64Array;
}

/** The episodes of a batch, group after group, with their advantages over their groups, as far as the settings let them count. */
export function trainedEpisodes(
  groups: readonly Group[],
  { grpo, teacher }: Pick<Config, 'grpo' | 'teacher'>,
): readonly TrainedEpisode[] {
  const episodes = groups.flatMap((group) => group.episodes);
  const isRewarded = teacher.path === undefined || teacher.keepRewards;
  const advantages = isRewarded ? advantagesOf(episodes, grpo) : episodes.map(() => 0);
  return episodes.map((episode, i) => {
    const mask = maskOf(episode, grpo);
    const isWorthless = episode.isTruncated && grpo.truncated === 'zeroAdvantage';
    const advantage = isWorthless ? 0 : towardsTeacher(episode, advantages[i]!, teacher.weight); // one each
    return { ...episode, advantage, ...(mask && { mask }) };
  });
}

/**
 * The advantage of each token with what the teacher thinks of it: its log-probability minus the policy's, whose mean over samples is
 * the negative KL divergence from the policy to the teacher.
 *
 * Source: on-policy distillation (arXiv 2306.13649); K. Lu, "On-Policy Distillation" (Thinking Machines, 2025).
 */
function towardsTeacher(
  { logProbs, teacherLogProbs }: Episode,
  advantage: number,
  weight: number,
): number | Float64Array {
  if (teacherLogProbs === undefined) return advantage;
  return Float64Array.from(teacherLogProbs, (logProb, t) => advantage + weight * (logProb - logProbs[t]!));
}

/** 0 where a token takes no part: the policy did not choose it, or the settings leave it out. */
function maskOf(
  { mask, tokenIds, versions, isTruncated }: Episode,
  { truncated, maskStaleTokens }: Pick<Config['grpo'], 'truncated' | 'maskStaleTokens'>,
): Uint8Array | undefined {
  if (isTruncated && truncated === 'mask') return new Uint8Array(tokenIds.length);
  if (!maskStaleTokens) return mask;
  const newest = versions.reduce((latest, version) => Math.max(latest, version), 0);
  return Uint8Array.from(versions, (version, t) => (version === newest ? (mask?.[t] ?? 1) : 0));
}

function advantagesOf(
  episodes: readonly Episode[],
  { advantage, scaleRewards, groupSize }: Config['grpo'],
): readonly number[] {
  if (advantage === 'gdpo') {
    const names = Object.keys(episodes[0]?.rewards ?? {});
    return multiRewardAdvantages(
      names.map((name) => episodes.map(({ reward, rewards }) => (reward === undefined ? undefined : rewards[name]))),
      { groupSize },
    );
  }
  return groupAdvantages(
    episodes.map(({ reward }) => reward),
    {
      groupSize,
      method: advantage,
      lengths: episodes.map(numChosenTokens),
      ...given({ scale: scaleRewards }),
    },
  );
}
