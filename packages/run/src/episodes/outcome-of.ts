import type { Sampled } from '@forge/data';
import type { PlayedEpisode } from '@forge/environments';

/** What an environment made of an episode. */
export type Outcome = Pick<Sampled, 'isTruncated' | 'environmentReward' | 'counts' | 'failure'>;

/** The outcome of an episode, in the words of what is sampled. */
export function outcomeOf({ isTruncated, reward, info, failure }: PlayedEpisode): Outcome {
  return {
    isTruncated,
    ...(reward !== undefined && { environmentReward: reward }),
    ...(Object.keys(info).length > 0 && { counts: info }),
    ...(failure !== undefined && { failure }),
  };
}
