import type { Sample } from '@forge/data';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { configSchema } from '../../src/config/config.ts';
import { Curriculum, poolOf } from '../../src/rollouts/curriculum.ts';
import { episodeWith } from '../fixtures/groups.ts';

/** Ten tasks, again and again. */
const sampleAt = async (number: number): Promise<Sample> => ({
  number,
  epoch: Math.floor(number / 10),
  messages: [{ role: 'user', content: `task ${number % 10}` }],
  target: '1',
  source: 'tasks',
});

const settings = (curriculum: object) => configSchema.parse({ curriculum });

/** A group whose answers are right in this share of ten. */
const answered = (number: number, rightShare: number) => ({
  number,
  policyVersion: 0,
  episodes: Array.from({ length: 10 }, (_, i) => episodeWith({ isRight: i < 10 * rightShare })),
});

const numbers = async (curriculum: Curriculum, from: number, count: number) => {
  const picked = await Promise.all(Array.from({ length: count }, (_, i) => curriculum.pick(from + i)));
  return picked.map(({ number }) => number);
};

test('without shares all tasks come in their order, and nothing is kept of them', async () => {
  const curriculum = new Curriculum(settings({}), sampleAt);
  expect(await numbers(curriculum, 0, 5)).toEqual([0, 1, 2, 3, 4]);
  curriculum.count([0, 1, 2, 3, 4].map((number) => answered(number, 1)));
  expect(curriculum.state).toEqual({ next: 5, rates: [], picked: [] });
  expect(curriculum.takeMetrics()).toEqual({});
});

test('tasks that are known as too easy or too hard are passed over', async () => {
  const curriculum = new Curriculum(settings({ easyShare: 0, hardShare: 0, hardUpTo: 0.2, easyFrom: 0.9 }), sampleAt);
  expect(await numbers(curriculum, 0, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  curriculum.count(Array.from({ length: 10 }, (_, task) => answered(task, task / 10)));
  expect(curriculum.takeMetrics()).toEqual({
    'curriculum/easy': 1,
    'curriculum/normal': 6,
    'curriculum/hard': 3,
    'curriculum/passedOver': 0,
  });
  expect(await numbers(curriculum, 10, 7)).toEqual([13, 14, 15, 16, 17, 18, 23]);
  expect(curriculum.takeMetrics()['curriculum/passedOver']).toBe(7); // 10, 11, 12, 19, 20, 21 and 22
});

test('a share of them is asked all the same, and so is one when nothing else is left', async () => {
  const curriculum = new Curriculum(settings({ hardShare: 0.3 }), sampleAt);
  await numbers(curriculum, 0, 10);
  curriculum.count(Array.from({ length: 10 }, (_, task) => answered(task, 0)));
  const asked = await numbers(curriculum, 10, 100);
  expect(100 / (asked.at(-1)! - 9)).toBeCloseTo(0.3, 0);
  const stuck = new Curriculum(settings({ hardShare: 0 }), sampleAt);
  await numbers(stuck, 0, 10);
  stuck.count(Array.from({ length: 10 }, (_, task) => answered(task, 0)));
  expect(await numbers(stuck, 10, 1)).toEqual([1010]);
});

test('what is known of a task fades', async () => {
  const curriculum = new Curriculum(settings({ easyShare: 0, memory: 0.75 }), sampleAt);
  await numbers(curriculum, 0, 11);
  curriculum.count([answered(10, 1), answered(0, 0)]); // the same task: first none was right, then all
  expect(curriculum.state.rates.map(([, rate]) => rate)).toEqual([0.25]);
});

test('a run that goes on asks what one that was not interrupted would', async () => {
  const rate = fc.constantFrom(0, 0.3, 1);
  await fc.assert(
    fc.asyncProperty(fc.array(rate, { minLength: 20, maxLength: 20 }), fc.nat(8), async (rates, open) => {
      const config = settings({ easyShare: 0.2, hardShare: 0.4 });
      const whole = new Curriculum(config, sampleAt);
      await numbers(whole, 0, 20);
      whole.count(rates.slice(0, 20 - open).map((each, number) => answered(number, each)));
      const resumed = new Curriculum(config, sampleAt, structuredClone(whole.state));
      const lost = Array.from({ length: open }, (_, i) => 20 - open + i);
      const before = new Map(whole.state.picked);
      for (const group of lost) expect((await resumed.pick(group)).number).toBe(before.get(group));
      const rest = lost.map((number) => answered(number, rates[number]!));
      whole.count(rest);
      resumed.count(rest);
      expect(resumed.state).toEqual(whole.state);
      expect(await numbers(resumed, 20, 10)).toEqual(await numbers(whole, 20, 10));
    }),
    { numRuns: 30 },
  );
});

test('pools share the range', () => {
  const bounds = { easyFrom: 0.8, hardUpTo: 0.2 };
  expect([0, 0.2, 0.5, 0.8, 1].map((rate) => poolOf(rate, bounds))).toEqual(['hard', 'hard', 'normal', 'easy', 'easy']);
});
