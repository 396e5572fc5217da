import type { Episode, Group } from '@forge/data';
import type { Config } from '../config/config.ts';

/** Why a group is not trained on: all of its rewards are equal, it has truncated completions, or others were chosen. */
export type RejectReason = 'zeroVariance' | 'truncated' | 'notChosen';

/** A group that is not trained on. */
export interface RejectedGroup extends Group {
  readonly reason: RejectReason;
}

/** Why the settings keep a group from training, if they do. */
export function rejectReason(
  { episodes }: Pick<Group, 'episodes'>,
  { filterZeroVariance, truncated, advantage }: Pick<Config['grpo'], 'filterZeroVariance' | 'truncated' | 'advantage'>,
): RejectReason | undefined {
  if (truncated === 'dropGroup' && episodes.some(({ isTruncated }) => isTruncated)) return 'truncated';
  const differs = advantage === 'gdpo' ? differsInAFunction : differsInReward;
  return filterZeroVariance && !differs(episodes) ? 'zeroVariance' : undefined;
}

const differsInReward = (episodes: readonly Episode[]): boolean => differ(episodes.map(({ reward }) => reward));

function differsInAFunction(episodes: readonly Episode[]): boolean {
  const names = Object.keys(episodes[0]?.rewards ?? {});
  return names.some((name) => differ(episodes.map(({ rewards }) => rewards[name])));
}

/** By equality, which no rounding of a deviation can mistake. What has no score cannot differ. */
function differ(values: readonly (number | undefined)[]): boolean {
  const scored = values.filter((value) => value !== undefined);
  return scored.some((value) => value !== scored[0]);
}
