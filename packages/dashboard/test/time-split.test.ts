import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MetricTable } from '../src/run/metric-table.ts';
import { timeSplit } from '../src/run/time-split.ts';

test('the seconds of all steps are in the bars, however many steps there are', () => {
  const steps = fc.array(fc.record({ train: fc.nat(1000), publish: fc.nat(1000) }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 20 }), (seconds, maxBars) => {
      const table = new MetricTable();
      table.add('{"step":0,"phase":"warmup"}');
      for (const [i, { train, publish }] of seconds.entries()) {
        table.add(
          JSON.stringify({ step: i + 1, 'perf/trainSeconds': train, 'perf/publishSeconds': publish, 'perf/x': 1 }),
        );
      }
      const bars = timeSplit(table, maxBars);
      expect(bars.length).toBeLessThanOrEqual(maxBars);
      expect([bars[0]!.fromStep, bars.at(-1)!.toStep]).toEqual([1, seconds.length]);
      const lengths = bars.map(({ fromStep, toStep }) => toStep - fromStep + 1);
      for (const phase of ['train', 'publish'] as const) {
        const inBars = bars.reduce((sum, bar, i) => sum + bar.seconds[phase]! * lengths[i]!, 0);
        expect(inBars).toBeCloseTo(
          seconds.reduce((sum, step) => sum + step[phase], 0),
          6,
        );
      }
    }),
  );
});
