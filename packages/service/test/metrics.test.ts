import fc from 'fast-check';
import { expect, test } from 'vitest';
import { percentile, RecentSamples, summarizeLatency } from '../src/percentiles.ts';
import { Rate } from '../src/rate.ts';

test('a percentile is the smallest sample that enough samples do not exceed', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(1000), { minLength: 1 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (values, fraction) => {
        const samples = new RecentSamples(values.length);
        for (const value of values) samples.add(value);
        const result = percentile(samples.sorted(), fraction);
        const notAbove = (limit: number) => values.filter((value) => value <= limit).length;
        expect(values).toContain(result);
        expect(notAbove(result)).toBeGreaterThanOrEqual(fraction * values.length - 1e-9);
        expect(values.filter((value) => value < result).length).toBeLessThan(fraction * values.length + 1e-9);
      },
    ),
  );
});

test('only the most recent samples count', () => {
  const samples = new RecentSamples(3);
  for (const value of [100, 1, 2, 3]) samples.add(value);
  expect(summarizeLatency(samples)).toEqual({ avgLatencyMs: 2, p50LatencyMs: 2, p95LatencyMs: 3, p99LatencyMs: 3 });
});

test('without samples everything is 0', () => {
  const nothing = { avgLatencyMs: 0, p50LatencyMs: 0, p95LatencyMs: 0, p99LatencyMs: 0 };
  expect(summarizeLatency(new RecentSamples(3))).toEqual(nothing);
});

test('a rate is the events of the last minute, by second', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(200_000)), fc.nat(60_000), (times, later) => {
      const rate = new Rate();
      const sorted = times.toSorted((a, b) => a - b);
      for (const time of sorted) rate.count(time);
      const now = (sorted.at(-1) ?? 0) + later;
      const recent = sorted.filter((time) => Math.floor(time / 1000) > Math.floor(now / 1000) - 60).length;
      expect(rate.perSecond(now)).toBeCloseTo(recent / 60);
    }),
  );
});
