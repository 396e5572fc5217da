/** How rewards become advantages. */
export interface AdvantageOptions {
  /** Rewards in a row that belong to one prompt. @default all of them are one group */
  readonly groupSize?: number;
  /**
   * `grpo` subtracts the mean of the group (arXiv 2402.03300), `rloo` the mean of the others in it (arXiv 2402.14740).
   * @default 'grpo'
   */
  readonly method?: 'grpo' | 'rloo';
  /**
   * Divides by the standard deviation of the group or of the whole batch; `none` is Dr. GRPO (arXiv 2503.20783).
   * @default 'group' for `grpo`, 'none' for `rloo`
   */
  readonly scale?: 'group' | 'batch' | 'none';
}

/** Added to a standard deviation before dividing by it. Source: TRL, torchforge. */
const epsilon = 1e-4;

/**
 * Group-relative advantages: how much better each completion is than the others of its prompt. `grpo` is
 * `(R − mean)/(std + 1e-4)`, `rloo` is `R − mean of the others`.
 *
 * `undefined` is a completion without a score: it gets 0 and takes no part in any mean. Equal rewards give exactly 0, whatever
 * rounding does to their mean; so does the only score of a group, which `rloo` leaves out of its batch statistics. Standard deviations divide by count − 1. For `rloo`, `batch` also centres the advantages.
 *
 * @throws {RangeError} when the rewards do not fill whole groups.
 * Source: TRL `GRPOTrainer` and `RLOOTrainer`.
 */
export function groupAdvantages(rewards: readonly (number | undefined)[], options: AdvantageOptions = {}): number[] {
  const { groupSize = rewards.length, method = 'grpo', scale = method === 'grpo' ? 'group' : 'none' } = options;
  if (rewards.length === 0) return [];
  if (!Number.isInteger(groupSize) || groupSize < 1 || rewards.length % groupSize !== 0) {
    throw new RangeError(`${rewards.length} rewards do not fill groups of ${groupSize}.`);
  }
  const centred: (number | undefined)[] = [];
  const groupDeviations: number[] = [];
  for (let start = 0; start < rewards.length; start += groupSize) {
    const group = rewards.slice(start, start + groupSize);
    const scored = group.filter((reward) => reward !== undefined);
    centred.push(...(method === 'grpo' ? minusMean(group, scored) : minusMeanOfOthers(group, scored)));
    groupDeviations.push(deviation(scored));
  }
  if (scale === 'none') return centred.map((advantage) => advantage ?? 0);
  if (scale === 'group') {
    return centred.map((advantage, i) => (advantage ?? 0) / (groupDeviations[Math.floor(i / groupSize)]! + epsilon));
  }
  const spread = (method === 'grpo' ? rewards : centred).filter((value) => value !== undefined);
  const offset = method === 'grpo' ? 0 : mean(centred.filter((value) => value !== undefined));
  const width = deviation(spread) + epsilon;
  return centred.map((advantage) => (advantage === undefined ? 0 : (advantage - offset) / width));
}

type Group = readonly (number | undefined)[];

function minusMean(group: Group, scored: readonly number[]): (number | undefined)[] {
  const middle = mean(scored);
  const isFlat = areEqual(scored);
  return group.map((reward) => (reward === undefined ? undefined : isFlat ? 0 : reward - middle));
}

function minusMeanOfOthers(group: Group, scored: readonly number[]): (number | undefined)[] {
  const sum = scored.reduce((total, reward) => total + reward, 0);
  const isFlat = areEqual(scored);
  return group.map((reward) =>
    reward === undefined || scored.length < 2 ? undefined : isFlat ? 0 : reward - (sum - reward) / (scored.length - 1),
  );
}

const areEqual = (values: readonly number[]): boolean => values.every((value) => value === values[0]);

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

function deviation(values: readonly number[]): number {
  if (values.length < 2 || areEqual(values)) return 0;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}
