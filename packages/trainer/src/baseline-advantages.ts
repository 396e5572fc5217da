/** Advantages of completions over what the greedy completion of their prompt earned. */
export interface GreedyBaselines {
  /** Rewards in a row that belong to one prompt. */
  readonly groupSize: number;
  /** Reward of the greedy completion of each prompt; `undefined` where it has no score. */
  readonly greedyRewards: readonly (number | undefined)[];
}

/**
 * `R − R of the greedy completion`: 0 for what has no score, and for all of a prompt whose greedy completion has none.
 *
 * Source: ReMax (arXiv 2310.10505); verl `remax`.
 *
 * @throws {RangeError} when there is not one greedy reward for each group of rewards.
 */
export function greedyBaselineAdvantages(
  rewards: readonly (number | undefined)[],
  { groupSize, greedyRewards }: GreedyBaselines,
): number[] {
  if (greedyRewards.length * groupSize !== rewards.length) {
    throw new RangeError(
      `${greedyRewards.length} greedy rewards for ${rewards.length} rewards in groups of ${groupSize}.`,
    );
  }
  return rewards.map((reward, i) => {
    const greedy = greedyRewards[Math.floor(i / groupSize)];
    return reward === undefined || greedy === undefined ? 0 : reward - greedy;
  });
}

/** What completions of each role earn on average, by the name of the role. */
export type RoleBaselines = Readonly<Record<string, number>>;

/** What role-conditioned advantages are made with. */
export interface RoleOptions {
  /** As they are before the first of these rewards; a role that is not there begins at 0. @default none is known */
  readonly baselines?: RoleBaselines;
  /** What remains of a baseline when a reward is added to it. @default 0.95 */
  readonly decay?: number;
}

/**
 * `R − b` with a moving average `b ← decay·b + (1 − decay)·R` for each role, which a reward is added to before it is compared: what is
 * common to an environment or a side of a game teaches nothing. Completions without a score get 0 and are in no average.
 *
 * Source: role-conditioned advantage estimation of SPIRAL (arXiv 2506.24119); prime-rl `rae`.
 *
 * @param roles - one a reward, in the order of rewards.
 * @returns the advantages, and the baselines to go on with.
 * @throws {RangeError} when there is not one role for each reward.
 */
export function roleAdvantages(
  rewards: readonly (number | undefined)[],
  roles: readonly string[],
  { baselines = {}, decay = 0.95 }: RoleOptions = {},
): { readonly advantages: number[]; readonly baselines: RoleBaselines } {
  if (roles.length !== rewards.length) throw new RangeError(`${roles.length} roles for ${rewards.length} rewards.`);
  const moving = new Map(Object.entries(baselines));
  const advantages = rewards.map((reward, i) => {
    if (reward === undefined) return 0;
    const role = roles[i]!; // one a reward
    const baseline = decay * (moving.get(role) ?? 0) + (1 - decay) * reward;
    moving.set(role, baseline);
    return reward - baseline;
  });
  return { advantages, baselines: Object.fromEntries(moving) };
}
