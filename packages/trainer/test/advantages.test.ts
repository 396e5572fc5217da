import fc from 'fast-check';
import { expect, test } from 'vitest';
import { groupAdvantages } from '../src/advantages.ts';
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
      fc.constantFrom('grpo' as const, 'rloo' as const),
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

test('rewards that do not fill whole groups are refused', () => {
  expect(() => groupAdvantages([1, 2, 3], { groupSize: 2 })).toThrow(RangeError);
});
