import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AutoscalePolicy, isRipe, nextTrend, type Trend, wantedReplicas } from '../src/replicas/autoscale.ts';
import { fakeReplicas } from './fixtures/fake-replicas.ts';
import { settled } from './fixtures/manual-clock.ts';

const policy: AutoscalePolicy = { minReplicas: 1, maxReplicas: 8, targetOngoing: 2, upDelayMs: 30, downDelayMs: 100 };

/** The numbers of replicas over time when the load is looked at every 10 ms. */
function follow(loads: readonly number[], from = 1): readonly number[] {
  let trend: Trend | undefined;
  let replicas = from;
  return loads.map((ongoing, i) => {
    const nowMs = i * 10;
    trend = nextTrend(trend, { nowMs, ongoing, replicas }, policy);
    if (trend && isRipe(trend, nowMs, policy)) {
      replicas = trend.replicas;
      trend = undefined;
    }
    return replicas;
  });
}

const loads = fc.array(fc.nat(40), { maxLength: 80 });

test('there are never fewer or more replicas than the limits say', () => {
  fc.assert(
    fc.property(loads, (given) => {
      for (const replicas of follow(given)) expect(replicas >= 1 && replicas <= 8).toBe(true);
    }),
  );
});

test('a load that stays is followed, and then left alone', () => {
  fc.assert(
    fc.property(fc.nat(40), fc.integer({ min: 1, max: 8 }), (ongoing, from) => {
      const replicas = follow(new Array(40).fill(ongoing), from);
      expect(replicas.at(-1)).toBe(wantedReplicas(ongoing, policy));
      expect(new Set(replicas).size).toBeLessThanOrEqual(2);
    }),
  );
});

test('a change was wanted at every look of its whole delay', () => {
  fc.assert(
    fc.property(loads, (given) => {
      const replicas = [1, ...follow(given)];
      for (let i = 0; i < given.length; i++) {
        const [before, after] = [replicas[i]!, replicas[i + 1]!];
        if (before === after) continue;
        const looks = given.slice(i - (after > before ? 3 : 10), i + 1).map((load) => wantedReplicas(load, policy));
        expect(looks.every((wanted) => (after > before ? wanted >= after : wanted <= after))).toBe(true);
      }
    }),
  );
});

test('a peak that is shorter than the delay adds nothing, and a gap that is shorter removes nothing', () => {
  expect(new Set(follow([0, 16, 16, 16, 0, 0]))).toEqual(new Set([1]));
  expect(new Set(follow([8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0], 4))).toEqual(new Set([4]));
});

test('a service gets replicas for its queue, gives them back when idle, and tells of it', async () => {
  const { set, clock, started, events } = fakeReplicas({
    autoscale: { maxReplicas: 3, targetOngoing: 2, upDelayMs: 1_000, downDelayMs: 5_000 },
  });
  await set.start();
  const calls = Array.from({ length: 6 }, () => set.route({ endpoint: 'plain', args: [] }));
  await clock.pass(1_500);
  expect(set.replicas.map(({ inFlight }) => inFlight)).toEqual([2, 2, 2]);
  for (const { calls: held } of started) for (const { answer } of held) answer.resolve(0);
  await Promise.all(calls);
  await clock.pass(5_500);
  await settled();
  expect(set.replicas.map(({ index, state }) => [index, state])).toEqual([[0, 'healthy']]);
  expect(started.map(({ isStopped }) => isStopped)).toEqual([false, true, true]);
  expect(events.filter(({ type }) => type === 'autoscaled')).toEqual([
    { type: 'autoscaled', from: 1, to: 3 },
    { type: 'autoscaled', from: 3, to: 1 },
  ]);
  await set.shutdown(0);
  expect(clock.pending).toEqual([]);
});
