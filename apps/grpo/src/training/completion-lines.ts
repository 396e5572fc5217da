import type { Episode } from '@forge/data';
import type { Batch } from './next-batch.ts';
import type { TrainedEpisode } from './trained-episodes.ts';

/** What is told of the completions that were sampled for a step. */
export function completionLines({ groups, rejected }: Batch, trained: readonly TrainedEpisode[]): readonly object[] {
  const numbers = groups.flatMap(({ number, episodes }) => episodes.map(() => number));
  return [
    ...trained.map((episode, i) => ({ group: numbers[i], ...lineOf(episode), advantage: meanOf(episode.advantage) })),
    ...rejected.flatMap(({ number, episodes, reason }) =>
      episodes.map((episode) => ({ group: number, ...lineOf(episode), rejected: reason })),
    ),
  ];
}

function lineOf(episode: Episode) {
  const { policyVersion, prompt, completion, target, reward, rewards, finishReason, unscored, messages, source } =
    episode;
  return {
    policyVersion,
    ...(source !== undefined && { source }),
    prompt,
    completion,
    ...(messages && { messages }),
    target,
    reward,
    rewards,
    finishReason,
    ...(unscored && { unscored }),
  };
}

const meanOf = (advantage: number | Float64Array): number =>
  typeof advantage === 'number'
    ? advantage
    : advantage.reduce((sum, one) => sum + one, 0) / Math.max(1, advantage.length);
