import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bucketEndMs, bucketOf, countUpTo, LatencyHistogram, quantileMs } from '../../src/seeing/latency-histogram.ts';

test('every duration lies in its bucket, and buckets are an eighth wide at most on either side', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 2_000_000, noNaN: true }), (ms) => {
      const bucket = bucketOf(ms);
      const [from, to] = [bucketEndMs(bucket - 1), bucketEndMs(bucket)];
      const micros = Math.floor(ms * 1_000) / 1_000;
      expect(from).toBeLessThanOrEqual(micros);
      expect(to).toBeGreaterThan(micros);
      if (micros >= 0.004) expect((to - from) / 2 / from).toBeLessThanOrEqual(1 / 8);
    }),
  );
});

test('durations out of range are counted at its ends', () => {
  const histogram = new LatencyHistogram();
  for (const ms of [-1, 0, 1e12, Number.POSITIVE_INFINITY]) histogram.record(ms);
  expect(histogram.buckets).toEqual([
    [0, 2],
    [119, 2],
  ]);
});

test('a quantile is the one of the sorted durations, an eighth off at most', () => {
  const durations = fc.array(fc.double({ min: 0.01, max: 100_000, noNaN: true }), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
      const histogram = new LatencyHistogram();
      for (const ms of values) histogram.record(ms);
      const sorted = [...values].sort((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] ?? 0;
      const told = quantileMs(histogram.buckets, q) ?? 0;
      expect(Math.abs(told - exact) / exact).toBeLessThanOrEqual(0.25);
      expect(countUpTo(histogram.buckets, Number.POSITIVE_INFINITY)).toBe(values.length);
    }),
  );
  expect(quantileMs([], 0.5)).toBeUndefined();
});

test('the bounds of the exported histogram are ends of buckets', () => {
  for (let power = 6; power <= 26; power++) {
    const boundMs = 2 ** power / 1_000;
    expect(bucketEndMs(bucketOf(boundMs) - 1)).toBe(boundMs);
  }
});
