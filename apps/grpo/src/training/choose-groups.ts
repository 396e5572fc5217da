import type { Group } from '@forge/data';

/** What becomes of candidates for a batch; both in the order of their numbers. */
export interface Choice {
  readonly chosen: readonly Group[];
  readonly others: readonly Group[];
}

/** The groups that say most about what is better: those whose rewards vary most, and of equal ones those with smaller numbers. */
export function chooseGroups(candidates: readonly Group[], count: number): Choice {
  if (candidates.length <= count) return { chosen: candidates, others: [] };
  const spread = new Map(candidates.map((group) => [group, variance(group)]));
  const ranked = candidates.toSorted((a, b) => spread.get(b)! - spread.get(a)! || a.number - b.number); // all are in the map
  const chosen = new Set(ranked.slice(0, count));
  return {
    chosen: candidates.filter((group) => chosen.has(group)),
    others: candidates.filter((group) => !chosen.has(group)),
  };
}

function variance({ episodes }: Group): number {
  const rewards = episodes.flatMap(({ reward }) => reward ?? []);
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / Math.max(1, rewards.length);
  return rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0) / Math.max(1, rewards.length);
}
