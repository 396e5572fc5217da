import { expect, test } from 'vitest';
import { configSchema } from '../../src/config/config.ts';
import { trainedEpisodes } from '../../src/training/trained-episodes.ts';
import { episodeWith, groupWith } from '../fixtures/groups.ts';

const settings = (grpo: object, teacher: object = {}) =>
  configSchema.parse({ grpo: { groupSize: 2, ...grpo }, teacher });
const advantages = (rewards: readonly (readonly number[])[], grpo: object) =>
  trainedEpisodes(
    rewards.map((row, i) => groupWith(i, row)),
    settings(grpo),
  ).episodes.map(({ advantage }) => advantage);

test('advantages are over the group, and their scale over all groups where it is that of the batch', () => {
  const deviation = Math.sqrt(1 / 3);
  expect(
    advantages(
      [
        [1, 0],
        [1, 0],
      ],
      { advantage: 'dr_grpo' },
    ),
  ).toEqual([0.5, -0.5, 0.5, -0.5]);
  const scaled = advantages(
    [
      [1, 0],
      [1, 0],
    ],
    { scaleRewards: 'batch' },
  );
  expect(scaled[0]).toBeCloseTo(0.5 / (deviation + 1e-4), 12);
  // One group varies much, one little: that of the group makes them equal, that of the batch keeps them apart.
  const [wide, , narrow] = advantages(
    [
      [10, 0],
      [1, 0],
    ],
    { scaleRewards: 'batch' },
  ) as number[];
  expect(wide! / narrow!).toBeCloseTo(10, 9);
  const [alike, , other] = advantages(
    [
      [10, 0],
      [1, 0],
    ],
    {},
  ) as number[];
  expect(alike! / other!).toBeCloseTo(1, 3);
});

const truncated = episodeWith({ isTruncated: true, reward: 0, finishReason: 'length' });
const pair = [{ number: 0, policyVersion: 3, episodes: [episodeWith(), truncated] }];

test.each([
  ['train', false, undefined],
  ['mask', false, [0, 0]],
  ['zeroAdvantage', true, undefined],
] as const)('truncated: %s', (choice, isWorthless, mask) => {
  const [whole, cut] = trainedEpisodes(pair, settings({ truncated: choice })).episodes;
  expect(whole!.advantage).toBeGreaterThan(0);
  if (isWorthless) expect(cut!.advantage).toBe(0);
  else expect(cut!.advantage).toBeLessThan(0);
  expect(cut!.mask && Array.from(cut!.mask)).toEqual(mask);
  expect(whole!.mask).toBe(undefined);
});

test('of a completion that saw an update, only tokens of the newest weights count, and of those the ones that it chose', () => {
  const episodes = [
    episodeWith({ versions: Int32Array.of(2, 2, 3, 3), mask: Uint8Array.of(1, 1, 0, 1) }),
    episodeWith({ versions: Int32Array.of(2, 2), reward: 0 }),
  ];
  const trained = trainedEpisodes(
    [{ number: 0, policyVersion: 2, episodes }],
    settings({ maskStaleTokens: true }),
  ).episodes;
  expect(trained.map(({ mask }) => Array.from(mask!))).toEqual([
    [0, 0, 0, 1],
    [1, 1],
  ]);
});

const taught = { teacherLogProbs: Float32Array.of(-0.5, -3), logProbs: Float32Array.of(-1, -1) };

test('a teacher gives every token an advantage of its own, beside that of the rewards or instead of it', () => {
  const episodes = [episodeWith({ ...taught, reward: 0 }), episodeWith({ ...taught, reward: 1 })];
  const group = { number: 0, policyVersion: 3, episodes };
  const teacher = { path: 'teacher', weight: 2 };
  const alone = trainedEpisodes([group], settings({}, teacher)).episodes;
  for (const { advantage } of alone) expect(Array.from(advantage as Float64Array)).toEqual([1, -4]);
  const both = trainedEpisodes([group], settings({ advantage: 'dr_grpo' }, { ...teacher, keepRewards: true })).episodes;
  expect(both.map(({ advantage }) => Array.from(advantage as Float64Array))).toEqual([
    [0.5, -4.5],
    [1.5, -3.5],
  ]);
});

test('gdpo adds what each reward function says', () => {
  const episodes = [
    episodeWith({ reward: 0.5, rewards: { math: 1, thinking: 0 } }),
    episodeWith({ reward: 0.5, rewards: { math: 0, thinking: 1 } }),
  ];
  const group = { number: 0, policyVersion: 3, episodes };
  const [first, second] = trainedEpisodes([group, groupWith(1, [1, 0])], settings({ advantage: 'gdpo' })).episodes;
  expect(first!.advantage).toBe(second!.advantage);
});

test('remax compares a group with its greedy completion, also where all of it earned the same', () => {
  const group = { ...groupWith(0, [1, 1]), greedyReward: 0 };
  const unscored = groupWith(1, [1, 0]);
  const { episodes } = trainedEpisodes([group, unscored], settings({ advantage: 'remax' }));
  expect(episodes.map(({ advantage }) => advantage)).toEqual([1, 1, 0, 0]);
});

test('rae compares each source with its own average, and goes on from the averages of the batch before', () => {
  const batch = [
    { ...groupWith(0, [1, 1]), role: 'easy' },
    { ...groupWith(1, [0, 0]), role: 'hard' },
  ];
  const config = settings({ advantage: 'rae' });
  const first = trainedEpisodes(batch, config);
  expect(first.roleBaselines['easy']).toBeCloseTo(1 - 0.95 ** 2, 12);
  expect(first.roleBaselines['hard']).toBe(0);
  const second = trainedEpisodes(batch, config, first.roleBaselines);
  expect(second.episodes[0]!.advantage).toBeCloseTo(0.95 ** 3, 12);
});
