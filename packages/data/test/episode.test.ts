import { expect, test } from 'vitest';
import { policyVersionOf, sampledFrom } from '../src/index.ts';
import { episodeOf, generatedWith } from './episode-of.ts';

test('a completion is sampled by the oldest weights that any of its tokens came from', () => {
  const { prompt, promptIds, tokenIds, logProbs } = generatedWith([7, 5, 6]);
  expect(sampledFrom(generatedWith([7, 5, 6]))).toEqual({
    prompt,
    promptIds,
    completion: 'five',
    tokenIds,
    logProbs,
    versions: Int32Array.of(7, 5, 6),
    policyVersion: 5,
    finishReason: 'stop',
    isTruncated: false,
  });
});

test('what else a completion tells does not get into an episode', () => {
  const told = { ...generatedWith([1]), index: 3, timing: { totalMs: 5 } };
  expect(sampledFrom(told)).toEqual(sampledFrom(generatedWith([1])));
});

test('a group is as old as its oldest episode, and one without tokens makes it no older', () => {
  expect(policyVersionOf([[4], [], [3, 9]].map(episodeOf))).toBe(3);
  expect(() => policyVersionOf([])).toThrow(RangeError);
});
