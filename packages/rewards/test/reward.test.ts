import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mathReward } from '../src/math.ts';
import { meanReward, type Reward } from '../src/reward.ts';
import { thinkingReward } from '../src/thinking.ts';

const sample = { prompt: '2+2?', completion: '<think>2+2</think><answer>5</answer>', target: '4' };

test('the mean of no rewards is 0', () => {
  expect(meanReward([])(sample)).toBe(0);
});

test('the mean of a wrong answer after thinking is half the thinking reward', () => {
  expect(meanReward([mathReward(), thinkingReward()])(sample)).toBe(0.5);
});

test('every reward sees the whole sample', () => {
  const seen: unknown[] = [];
  const spy: Reward = (given) => seen.push(given);
  meanReward([spy, spy])(sample);
  expect(seen).toEqual([sample, sample]);
});

test('a mean lies between the lowest and the highest reward', () => {
  const scores = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1 });
  fc.assert(
    fc.property(scores, (values) => {
      const mean = meanReward(values.map((value) => () => value))(sample);
      expect(mean).toBeGreaterThanOrEqual(Math.min(...values));
      expect(mean).toBeLessThanOrEqual(Math.max(...values));
    }),
  );
});

test('a negative thinking reward passes through', () => {
  expect(thinkingReward({ fullReward: -3 })(sample)).toBe(-3);
});

test.each([
  ['42.0000001', 1],
  ['42.1', 0],
])('an answer of %s for 42 scores %d', (answer, score) => {
  expect(mathReward()({ prompt: '', completion: `<answer>${answer}</answer>`, target: '42' })).toBe(score);
});

test('an answer that misses the target by exactly the tolerance is wrong', () => {
  expect(mathReward({ tolerance: 0.5 })({ prompt: '', completion: '<answer>2.5</answer>', target: '3' })).toBe(0);
});

test.each(['<\tthink\n>x</think>', '<thİnk>x</thınk>', '<thinK>x</THINK>'])('%j is a think block', (completion) => {
  expect(thinkingReward()({ ...sample, completion })).toBe(1);
});
