/** How the rewards of a group are held against each other, by name; {@link groupAdvantages} has the formulas. */
export type AdvantageMethod =
  | 'grpo'
  | 'dr_grpo'
  | 'rloo'
  | 'opo'
  | 'reinforce_plus_plus_baseline'
  | 'pass_at_k'
  | 'max_rl';

/** What an advantage is divided by: the standard deviation of the group, of the batch, or nothing. */
export type AdvantageScale = 'group' | 'batch' | 'none';

/** How rewards become advantages. */
export interface AdvantageOptions {
  /** Rewards in a row that belong to one prompt. @default all of them are one group */
  readonly groupSize?: number;
  /** @default 'grpo' */
  readonly method?: AdvantageMethod;
  /** @default that of the method */
  readonly scale?: AdvantageScale;
  /** Tokens of each completion; `opo` and `reinforce_plus_plus_baseline` weigh by them. @default all are equally long */
  readonly lengths?: readonly number[];
}

/** Added to a standard deviation before dividing by it. Source: TRL, torchforge. */
const epsilon = 1e-4;

/** A completion's reward and length; `undefined` is one without a score. */
interface Graded {
  readonly reward: number;
  readonly length: number;
}

interface Estimator {
  /** Advantages before they are scaled, of the scored completions of a group whose rewards are not all equal. */
  readonly centre: (group: readonly Graded[]) => readonly number[];
  readonly scale: AdvantageScale;
  /**
   * What `batch` does: `divide` by the deviation of the rewards, or `whiten` the advantages themselves, each counting once or as
   * often as it has tokens.
   */
  readonly batch: 'divide' | 'whiten' | 'whitenTokens';
  /** The only score of a group has nothing to be compared with, and takes no part in batch statistics. */
  readonly needsOthers?: boolean;
}

const estimators: Readonly<Record<AdvantageMethod, Estimator>> = {
  grpo: { centre: minusMean, scale: 'group', batch: 'divide' },
  dr_grpo: { centre: minusMean, scale: 'none', batch: 'divide' },
  rloo: { centre: minusMeanOfOthers, scale: 'none', batch: 'whiten', needsOthers: true },
  opo: { centre: minusMeanByLength, scale: 'none', batch: 'divide' },
  reinforce_plus_plus_baseline: { centre: minusMean, scale: 'batch', batch: 'whitenTokens' },
  pass_at_k: { centre: bestMinusSecond, scale: 'group', batch: 'divide' },
  max_rl: { centre: relativeToMean, scale: 'none', batch: 'divide' },
};

/** Every method, by name. */
export const advantageMethods = Object.keys(estimators) as readonly AdvantageMethod[]; // the keys of a closed table

/**
 * Group-relative advantages: how much better each completion is than the others of its prompt.
 *
 * | method | advantage | source |
 * | --- | --- | --- |
 * | `grpo` | `(R − mean)/(std + 1e-4)` | arXiv 2402.03300 |
 * | `dr_grpo` | `R − mean` | arXiv 2503.20783 |
 * | `rloo` | `R − mean of the others` | arXiv 2402.14740 |
 * | `opo` | `R − Σ length·R / Σ length` | arXiv 2505.23585 |
 * | `reinforce_plus_plus_baseline` | `R − mean`, then the tokens of the batch whitened | arXiv 2501.03262 |
 * | `pass_at_k` | the best one's lead over the second, `/(std + 1e-4)`; 0 for the others | verl `grpo_passk` |
 * | `max_rl` | `(R − mean)/mean`, 0 where the mean is 0 | prime-rl |
 *
 * `undefined` is a completion without a score: it gets 0 and takes no part in any mean. Equal rewards give exactly 0, whatever
 * rounding does to their mean; so does the only score of a group, which `rloo` leaves out of its batch statistics. Standard
 * deviations divide by count − 1. For `rloo`, `batch` also centres the advantages.
 *
 * @throws {RangeError} when the rewards do not fill whole groups, or there are other than one length each.
 * Source: TRL `GRPOTrainer` and `RLOOTrainer`.
 */
export function groupAdvantages(rewards: readonly (number | undefined)[], options: AdvantageOptions = {}): number[] {
  const { groupSize = rewards.length, method = 'grpo', lengths } = options;
  const estimator = estimators[method];
  const { scale = estimator.scale } = options;
  if (rewards.length === 0) return [];
  checkGroups(rewards.length, groupSize);
  if (lengths !== undefined && lengths.length !== rewards.length) {
    throw new RangeError(`${lengths.length} lengths for ${rewards.length} rewards.`);
  }
  const centred: (number | undefined)[] = [];
  const deviations: number[] = [];
  for (let start = 0; start < rewards.length; start += groupSize) {
    const group = rewards.slice(start, start + groupSize);
    const graded = group.flatMap((reward, i) =>
      reward === undefined ? [] : [{ reward, length: lengths?.[start + i] ?? 1 }],
    );
    const scored = graded.map(({ reward }) => reward);
    const isLone = scored.length < 2 && estimator.needsOthers === true;
    const values = areEqual(scored) ? scored.map(() => 0) : estimator.centre(graded);
    let next = 0;
    for (const reward of group) centred.push(reward === undefined || isLone ? undefined : values[next++]);
    deviations.push(deviation(scored));
  }
  if (scale === 'none') return centred.map((advantage) => advantage ?? 0);
  if (scale === 'group') {
    return centred.map((advantage, i) => (advantage ?? 0) / (deviations[Math.floor(i / groupSize)]! + epsilon));
  }
  if (estimator.batch === 'divide') {
    const width = deviation(rewards.filter((reward) => reward !== undefined)) + epsilon;
    return centred.map((advantage) => (advantage ?? 0) / width);
  }
  return whiten(centred, estimator.batch === 'whitenTokens' ? lengths : undefined);
}

/** What {@link multiRewardAdvantages} needs beside the rewards. */
export interface MultiRewardOptions {
  /** Completions in a row that belong to one prompt. @default all of them are one group */
  readonly groupSize?: number;
  /** Of each reward function. @default 1 */
  readonly weights?: readonly number[];
}

/**
 * Advantages of several rewards, each brought to the same scale within its group before they are added, and the sum then over the
 * whole batch: a reward that hardly varies is not drowned by one that does. `rewards[f][i]` is what function `f` gave completion `i`.
 *
 * @throws {RangeError} when the rewards do not fill whole groups or there are other than one weight a function.
 * Source: GDPO (arXiv 2601.05242); TRL `normalize_then_sum`.
 */
export function multiRewardAdvantages(
  rewards: readonly (readonly (number | undefined)[])[],
  { groupSize, weights }: MultiRewardOptions = {},
): number[] {
  if (weights !== undefined && weights.length !== rewards.length) {
    throw new RangeError(`${weights.length} weights for ${rewards.length} reward functions.`);
  }
  const parts = rewards.map((row) => groupAdvantages(row, groupSize === undefined ? {} : { groupSize }));
  const [first = []] = rewards;
  const sums = first.map((_, i) =>
    rewards.every((row) => row[i] === undefined)
      ? undefined
      : parts.reduce((sum, part, f) => sum + (weights?.[f] ?? 1) * part[i]!, 0),
  );
  return whiten(sums, undefined);
}

function checkGroups(count: number, groupSize: number): void {
  if (Number.isInteger(groupSize) && groupSize >= 1 && count % groupSize === 0) return;
  throw new RangeError(`${count} rewards do not fill groups of ${groupSize}.`);
}

function minusMean(group: readonly Graded[]): readonly number[] {
  const middle = mean(group.map(({ reward }) => reward));
  return group.map(({ reward }) => reward - middle);
}

function minusMeanOfOthers(group: readonly Graded[]): readonly number[] {
  const sum = group.reduce((total, { reward }) => total + reward, 0);
  return group.map(({ reward }) => reward - (sum - reward) / (group.length - 1));
}

function minusMeanByLength(group: readonly Graded[]): readonly number[] {
  const tokens = group.reduce((total, { length }) => total + length, 0);
  const middle = group.reduce((total, { reward, length }) => total + length * reward, 0) / Math.max(1, tokens);
  return group.map(({ reward }) => reward - middle);
}

function bestMinusSecond(group: readonly Graded[]): readonly number[] {
  const rewards = group.map(({ reward }) => reward);
  const [best, second] = rewards.toSorted((a, b) => b - a);
  const place = rewards.indexOf(best!); // rewards differ, so there are at least two
  return rewards.map((_, i) => (i === place ? best! - second! : 0));
}

function relativeToMean(group: readonly Graded[]): readonly number[] {
  const middle = mean(group.map(({ reward }) => reward));
  return group.map(({ reward }) => (middle === 0 ? 0 : (reward - middle) / middle));
}

/** Mean 0 and deviation 1 over all values that there are, 0 where there is none; each counts as often as `times` says. */
function whiten(values: readonly (number | undefined)[], times: readonly number[] | undefined): number[] {
  const counted = values.flatMap((value, i) => (value === undefined ? [] : [{ value, times: times?.[i] ?? 1 }]));
  if (areEqual(counted.map(({ value }) => value))) return values.map(() => 0);
  const count = counted.reduce((sum, one) => sum + one.times, 0);
  const middle = counted.reduce((sum, one) => sum + one.times * one.value, 0) / Math.max(1, count);
  const squares = counted.reduce((sum, one) => sum + one.times * (one.value - middle) ** 2, 0);
  const width = Math.sqrt(squares / Math.max(1, count - 1)) + epsilon;
  return values.map((value) => (value === undefined ? 0 : (value - middle) / width));
}

const areEqual = (values: readonly number[]): boolean => values.every((value) => value === values[0]);

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

function deviation(values: readonly number[]): number {
  if (values.length < 2 || areEqual(values)) return 0;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}
