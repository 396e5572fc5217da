import fc from 'fast-check';
import { expect, test } from 'vitest';
import { advantageMethods, groupAdvantages, multiRewardAdvantages } from '../src/advantages.ts';
import { readGolden } from './golden-file.ts';

const { advantages: cases } = readGolden<{
  readonly advantages: readonly {
    readonly note: string;
    readonly rewards_per_function: readonly (readonly (number | null)[])[];
    readonly weights: readonly number[];
    readonly group_size: number;
    readonly method: 'grpo' | 'rloo';
    readonly scale_rewards?: 'group' | 'batch' | 'none';
    readonly normalize_advantages?: boolean;
    readonly advantages: readonly number[];
  }[];
}>('losses.json');

const weightedSum = (scores: readonly (number | null)[], weights: readonly number[]): number | undefined =>
  scores.every((score) => score === null)
    ? undefined
    : scores.reduce<number>((sum, score, i) => sum + (score ?? 0) * weights[i]!, 0);

test.each(cases)('$method $group_size $scale_rewards $normalize_advantages, $note: the advantages of TRL', (golden) => {
  const rewards = golden.rewards_per_function.map((scores) => weightedSum(scores, golden.weights));
  const scale = golden.scale_rewards ?? (golden.normalize_advantages ? 'batch' : 'none');
  const advantages = groupAdvantages(rewards, { groupSize: golden.group_size, method: golden.method, scale });
  for (const [i, expected] of golden.advantages.entries())
    expect(Math.abs(advantages[i]! - expected)).toBeLessThan(1e-6);
});

test('a group of equal rewards gives exactly 0, whatever the reward', () => {
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
      fc.integer({ min: 1, max: 9 }),
      fc.constantFrom(...advantageMethods),
      (reward, size, method) => groupAdvantages(new Array(size).fill(reward), { method }).every((a) => a === 0),
    ),
  );
});

test('the advantages of a group add up to 0', () => {
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true, min: -10, max: 10 }), { minLength: 2, maxLength: 16 }), (rewards) => {
      const sum = groupAdvantages(rewards).reduce((total, advantage) => total + advantage, 0);
      return Math.abs(sum) < 1e-6;
    }),
  );
});

const rewards = fc.array(fc.integer({ min: 0, max: 10 }), { minLength: 3, maxLength: 12 });
const differ = (values: readonly number[]): boolean => values.some((value) => value !== values[0]);

test.each(advantageMethods)('%s prefers a better completion, and does not mind their order', (method) => {
  fc.assert(
    fc.property(rewards.filter(differ), (group) => {
      const advantages = groupAdvantages(group, { method });
      for (const [i, reward] of group.entries()) {
        for (const [j, other] of group.entries())
          if (reward > other) expect(advantages[i]).toBeGreaterThanOrEqual(advantages[j]!);
      }
      // Two that are best together tell pass_at_k nothing.
      const isTold = method !== 'pass_at_k' || group.filter((reward) => reward === Math.max(...group)).length === 1;
      expect(Math.max(...advantages) > Math.min(...advantages)).toBe(isTold);
      const turned = groupAdvantages(group.toReversed(), { method }).toReversed();
      const wins = (values: readonly number[]) => values.toSorted((a, b) => a - b).map((value) => value.toFixed(9));
      expect(wins(turned)).toEqual(wins(advantages));
    }),
  );
});

test.each(advantageMethods)('%s leaves a completion without a score out of everything', (method) => {
  fc.assert(
    fc.property(rewards, fc.nat(12), (group, place) => {
      const at = place % (group.length + 1);
      const holed = groupAdvantages(group.toSpliced(at, 0, undefined as never), { method });
      expect(holed[at]).toBe(0);
      for (const [i, advantage] of groupAdvantages(group, { method }).entries()) {
        expect(holed.toSpliced(at, 1)[i]).toBeCloseTo(advantage, 9);
      }
    }),
  );
});

test('opo weighs by length: with the gradient of a completion as large as it is long, its baseline is the best constant', () => {
  const lengths = [1, 2, 5];
  expect(groupAdvantages([1, 0, 0], { method: 'opo', lengths })).toEqual([1 - 1 / 8, -1 / 8, -1 / 8]);
  fc.assert(
    fc.property(rewards.filter(differ), fc.nat(), (group, seed) => {
      const tokens = group.map((_, i) => 1 + ((seed + 7 * i) % 5));
      const advantages = groupAdvantages(group, { method: 'opo', lengths: tokens });
      expect(advantages.reduce((sum, advantage, i) => sum + tokens[i]! * advantage, 0)).toBeCloseTo(0, 9);
    }),
  );
});

test('reinforce_plus_plus_baseline has tokens of mean 0 and deviation 1 over the batch', () => {
  const lengths = [3, 1, 4, 2];
  const advantages = groupAdvantages([1, 0, 5, 3], { method: 'reinforce_plus_plus_baseline', groupSize: 2, lengths });
  const tokens = advantages.flatMap((advantage, i) => new Array<number>(lengths[i]!).fill(advantage));
  const mean = tokens.reduce((sum, one) => sum + one, 0) / 10;
  expect(mean).toBeCloseTo(0, 12);
  expect(tokens.reduce((sum, one) => sum + one ** 2, 0) / 9).toBeCloseTo(1, 3);
});

test('pass_at_k rewards the lead of the best alone, max_rl improvement relative to what there is', () => {
  expect(groupAdvantages([0, 1, 0.25], { method: 'pass_at_k', scale: 'none' })).toEqual([0, 0.75, 0]);
  expect(groupAdvantages([1, 1, 0], { method: 'pass_at_k', scale: 'none' })).toEqual([0, 0, 0]);
  expect(groupAdvantages([0, 1, 0, 0], { method: 'max_rl' })).toEqual([-1, 3, -1, -1]);
  expect(groupAdvantages([-1, 1], { method: 'max_rl' })).toEqual([0, 0]);
});

test('gdpo hears a reward that hardly varies as well as one that varies much, and one reward alone as GRPO does', () => {
  const [loud, quiet] = [
    [0, 100, 0, 100],
    [0, 0, 0.001, 0.001],
  ];
  const [first, second, third, fourth] = multiRewardAdvantages([loud, quiet]);
  expect(first! + fourth!).toBeCloseTo(0, 9);
  expect(Math.abs(second! - third!)).toBeLessThan(0.25);
  expect(groupAdvantages([0, 100, 0.001, 100.001])[1]).toBeGreaterThan(0.8);
  fc.assert(
    fc.property(rewards.filter(differ), (group) => {
      const alone = groupAdvantages(group);
      for (const [i, advantage] of multiRewardAdvantages([group]).entries()) {
        expect(advantage).toBeCloseTo(alone[i]!, 2);
      }
    }),
  );
  expect(
    multiRewardAdvantages([
      [1, undefined, 0],
      [0, undefined, 0],
    ])[1],
  ).toBe(0);
});

test('rewards that do not fill whole groups are refused', () => {
  expect(() => groupAdvantages([1, 2, 3], { groupSize: 2 })).toThrow(RangeError);
});
