import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rejectReason } from '../../src/rollouts/reject-reason.ts';
import { episodeWith, groupWith } from '../fixtures/groups.ts';

const filtered = { filterZeroVariance: true, truncated: 'train', advantage: 'grpo' } as const;

test('a group is rejected when all of its rewards are the same number, and only then', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.double({ noNaN: true }), { nil: undefined }), { minLength: 1 }), (rewards) => {
      const kinds = new Set(rewards.filter((reward) => reward !== undefined).map((reward) => reward + 0)); // -0 is 0
      expect(rejectReason(groupWith(0, rewards), filtered)).toBe(kinds.size < 2 ? 'zeroVariance' : undefined);
      expect(rejectReason(groupWith(0, rewards), { ...filtered, filterZeroVariance: false })).toBe(undefined);
    }),
  );
});

test('the smallest difference is one', () => {
  expect(rejectReason(groupWith(0, [0.3, 0.1 + 0.2]), filtered)).toBe(undefined);
});

test('with gdpo a group counts when any reward function tells its completions apart', () => {
  const episodes = [
    episodeWith({ reward: 0.5, rewards: { math: 1, thinking: 0 } }),
    episodeWith({ reward: 0.5, rewards: { math: 0, thinking: 1 } }),
  ];
  expect(rejectReason({ episodes }, filtered)).toBe('zeroVariance');
  expect(rejectReason({ episodes }, { ...filtered, advantage: 'gdpo' })).toBe(undefined);
});

test('a truncated completion rejects its group where the settings say so', () => {
  const { episodes } = groupWith(0, [0, 1]);
  const group = { episodes: [...episodes, episodeWith({ isTruncated: true })] };
  expect(rejectReason(group, { ...filtered, truncated: 'dropGroup' })).toBe('truncated');
  for (const truncated of ['train', 'mask', 'zeroAdvantage'] as const) {
    expect(rejectReason(group, { ...filtered, truncated })).toBe(undefined);
  }
});
