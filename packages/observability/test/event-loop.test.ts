import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { beforeDrain, drainMetrics, recordMetric, reduceMetrics, watchEventLoop } from '../src/index.ts';

test('an event loop that is blocked is recorded, once', async () => {
  using _watch = watchEventLoop('me', { resolutionMs: 5 });
  drainMetrics();
  await setTimeout(20);
  const until = performance.now() + 150;
  while (performance.now() < until);
  await setTimeout(20);
  const blocked = reduceMetrics(drainMetrics());
  expect(blocked['me/event_loop_delay/max_ms']).toBeGreaterThan(100);
  expect(blocked['me/event_loop_delay/max_ms']).toBeGreaterThanOrEqual(blocked['me/event_loop_delay/mean_ms']!);
});

test('what is no longer watched records nothing', () => {
  using watched = beforeDrain(() => recordMetric('sampled', 1, 'sum'));
  expect(reduceMetrics(drainMetrics())).toEqual({ sampled: 1 });
  watched[Symbol.dispose]();
  expect(drainMetrics()).toEqual({});
});
