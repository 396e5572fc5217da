import { type Episode, type Group, numChosenTokens } from '@forge/data';
import { given } from '@forge/run';
import {
  greedyBaselineAdvantages,
  groupAdvantages,
  multiRewardAdvantages,
  type RoleBaselines,
  roleAdvantages,
} from '@forge/trainer';
import type { Config } from '../config/config.ts';

/** An episode with what its tokens are worth. */
export interface TrainedEpisode extends Episode {
  /** Of all of it, or of each token. */
  readonly advantage: number | Float64Array;
}

/** A batch as it is trained on. */
export interface TrainedBatch {
  readonly episodes: readonly TrainedEpisode[];
  /** For the batch after it. */
  readonly roleBaselines: RoleBaselines;
}

/**
 * The episodes of a batch, group after group, with their advantages, as far as the settings let them count.
 *
 * @param roleBaselines - those that the batch before left, which `rae` compares with.
 */
export function trainedEpisodes(
  groups: readonly Group[],
  { grpo, teacher }: Pick<Config, 'grpo' | 'teacher'>,
  roleBaselines: RoleBaselines = {},
): TrainedBatch {
  const episodes = groups.flatMap((group) => group.episodes);
  const isRewarded = teacher.path === undefined || teacher.keepRewards;
  const { advantages, baselines } = isRewarded
    ? advantagesOf(groups, grpo, roleBaselines)
    : { advantages: episodes.map(() => 0), baselines: roleBaselines };
  const trained = episodes.map((episode, i) => {
    const mask = maskOf(episode, grpo);
    const isWorthless = episode.isTruncated && grpo.truncated === 'zeroAdvantage';
    const advantage = isWorthless ? 0 : towardsTeacher(episode, advantages[i]!, teacher.weight); // one each
    return { ...episode, advantage, ...(mask && { mask }) };
  });
  return { episodes: trained, roleBaselines: baselines };
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

interface Compared {
  readonly advantages: readonly number[];
  readonly baselines: RoleBaselines;
}

function advantagesOf(groups: readonly Group[], grpo: Config['grpo'], baselines: RoleBaselines): Compared {
  const episodes = groups.flatMap((group) => group.episodes);
  const rewards = episodes.map(({ reward }) => reward);
  const { advantage, scaleRewards, groupSize } = grpo;
  switch (advantage) {
    case 'rae':
      return roleAdvantages(
        rewards,
        groups.flatMap(({ role = '' }) => new Array<string>(groupSize).fill(role)),
        { baselines },
      );
    case 'remax': {
      const greedyRewards = groups.map(({ greedyReward }) => greedyReward);
      return { advantages: greedyBaselineAdvantages(rewards, { groupSize, greedyRewards }), baselines };
    }
    case 'gdpo': {
      const names = Object.keys(episodes[0]?.rewards ?? {});
      const byFunction = names.map((name) =>
        episodes.map((episode) => (episode.reward === undefined ? undefined : episode.rewards[name])),
      );
      return { advantages: multiRewardAdvantages(byFunction, { groupSize }), baselines };
    }
    default: {
      const lengths = episodes.map(numChosenTokens);
      const options = { groupSize, method: advantage, lengths, ...given({ scale: scaleRewards }) };
      return { advantages: groupAdvantages(rewards, options), baselines };
    }
  }
}
