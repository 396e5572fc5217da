import { expect, test } from 'vitest';
import { sourceMetrics } from '../../src/training/source-metrics.ts';

test('each source has its share, its right answers and its mean reward, without what was not scored', () => {
  const episodes = [
    { source: 'a', reward: 1, isRight: true },
    { source: 'a', reward: 0, isRight: false },
    { source: 'a', reward: undefined, isRight: true },
    { source: 'b', reward: undefined, isRight: false },
  ];
  expect(sourceMetrics(episodes)).toEqual({
    'source/a/share': 0.75,
    'source/a/right': 2 / 3,
    'source/a/reward': 0.5,
    'source/b/share': 0.25,
    'source/b/right': 0,
  });
});

test('nothing is told of one source', () => {
  expect(sourceMetrics([{ reward: 1, isRight: true }])).toEqual({});
});
