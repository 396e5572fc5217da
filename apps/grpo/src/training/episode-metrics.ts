import type { Episode } from '@forge/data';

/** What environments had to do: turns, calls of tools, failures. Nothing of completions that were played in none. */
export function episodeMetrics(
  episodes: readonly Pick<Episode, 'turns' | 'counts' | 'failure'>[],
): Readonly<Record<string, number>> {
  const sum = (count: (episode: (typeof episodes)[number]) => number) =>
    episodes.reduce((total, episode) => total + count(episode), 0);
  const calls = sum(({ counts }) => counts?.['toolCalls'] ?? 0);
  const failures = sum(({ failure }) => Number(failure !== undefined));
  const hasTurns = episodes.some(({ turns }) => turns !== undefined);
  return {
    ...(hasTurns && {
      'episode/turns': sum(({ turns = 1 }) => turns) / episodes.length,
      'tools/callFrequency': calls / episodes.length,
    }),
    ...(calls > 0 && { 'tools/failureFrequency': sum(({ counts }) => counts?.['toolFailures'] ?? 0) / calls }),
    ...(failures > 0 && { 'environment/failures': failures }),
  };
}
