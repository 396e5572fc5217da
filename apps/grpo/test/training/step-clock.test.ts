import { expect, test } from 'vitest';
import { StepClock } from '../../src/training/step-clock.ts';

test('the shares of all phases of a step are one, and begin anew with the next', () => {
  const clock = new StepClock();
  for (const phase of ['wait', 'train', 'wait']) {
    const until = performance.now() + 2;
    while (performance.now() < until);
    clock.lap(phase);
  }
  const [wait, train] = [clock.shareOf('wait'), clock.shareOf('train')];
  expect(wait + train).toBeCloseTo(1, 12);
  expect(Math.min(wait, train)).toBeGreaterThan(0);
  const times = clock.take();
  expect(times['perf/waitSeconds']! / times['perf/trainSeconds']!).toBeCloseTo(wait / train, 9);
  clock.lap('train');
  expect(clock.shareOf('train')).toBe(1);
});
