import type { Group } from '@forge/data';
import type { TrainedEpisode } from './trained-episodes.ts';

/** What is told of the completions that a step was trained on. */
export function completionLines(groups: readonly Group[], trained: readonly TrainedEpisode[]): readonly object[] {
  const numbers = groups.flatMap(({ number, episodes }) => episodes.map(() => number));
  return trained.map((episode, i) => {
    const { prompt, completion, target, reward, rewards, advantage, finishReason, policyVersion, unscored } = episode;
    return {
      group: numbers[i],
      policyVersion,
      prompt,
      completion,
      target,
      reward,
      rewards,
      advantage,
      finishReason,
      ...(unscored && { unscored }),
    };
  });
}
