import type { Episode } from '@forge/data';

/** What the completions of a step earned, in all and by function; those without a score count as that alone. */
export function rewardMetrics(
  episodes: readonly Pick<Episode, 'reward' | 'rewards'>[],
): Readonly<Record<string, number>> & { readonly 'reward/mean': number } {
  const scored = episodes.map(({ reward }) => reward).filter((reward) => reward !== undefined);
  const names = [...new Set(episodes.flatMap(({ rewards }) => Object.keys(rewards)))].sort();
  return {
    'reward/mean': mean(scored),
    'reward/std': deviation(scored),
    'reward/unscored': episodes.length - scored.length,
    'completions/unscored': 1 - scored.length / episodes.length,
    ...Object.fromEntries(
      names.flatMap((name) => {
        const values = episodes.map(({ rewards }) => rewards[name]).filter((value) => value !== undefined);
        return [
          [`reward/${name}/mean`, mean(values)],
          [`reward/${name}/std`, deviation(values)],
        ];
      }),
    ),
  };
}

/** NaN of nothing. */
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}
