import type { Episode } from '@forge/data';

/** How much of a step is of each source, and how well it is done; nothing where there is one source. */
export function sourceMetrics(
  episodes: readonly Pick<Episode, 'source' | 'reward' | 'isRight'>[],
): Readonly<Record<string, number>> {
  const bySource = Map.groupBy(episodes, ({ source }) => source);
  return Object.fromEntries(
    [...bySource].flatMap(([source, of]) => {
      if (source === undefined) return [];
      const rewards = of.flatMap(({ reward }) => reward ?? []);
      return [
        [`source/${source}/share`, of.length / episodes.length],
        [`source/${source}/right`, of.filter(({ isRight }) => isRight).length / of.length],
        ...(rewards.length > 0
          ? [[`source/${source}/reward`, rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length]]
          : []),
      ];
    }),
  );
}
