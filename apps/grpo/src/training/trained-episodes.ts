import type { Episode, Group } from '@forge/data';
import { groupAdvantages, multiRewardAdvantages } from '@forge/trainer';
import type { Config } from '../config/config.ts';
import { given } from '../config/given.ts';

/** An episode with what its tokens are worth. */
export interface TrainedEpisode extends Episode {
  readonly advantage: number;
}

/** The episodes of a batch, group after group, with their advantages over their groups. */
export function trainedEpisodes(groups: readonly Group[], { grpo }: Pick<Config, 'grpo'>): readonly TrainedEpisode[] {
  const episodes = groups.flatMap((group) => group.episodes);
  const advantages = advantagesOf(episodes, grpo);
  return episodes.map((episode, i) => ({ ...episode, advantage: advantages[i]! })); // one each
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
      lengths: episodes.map(({ tokenIds }) => tokenIds.length),
      ...given({ scale: scaleRewards }),
    },
  );
}
