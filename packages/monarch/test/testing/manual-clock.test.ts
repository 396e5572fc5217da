import fc from 'fast-check';
import { expect, test } from 'vitest';
import { manualClock } from '../../src/testing/index.ts';

test('timers run in order of time, those of the same time in order of their setting, and only when it is due', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 30 }), fc.array(fc.nat(10)), async (delays, steps) => {
      const clock = manualClock();
      const ran: { readonly delay: number; readonly index: number; readonly atMs: number }[] = [];
      delays.forEach((delay, index) => {
        clock.after(delay, () => void ran.push({ delay, index, atMs: clock.now() }));
      });
      let nowMs = 0;
      for (const step of steps) {
        await clock.advance(step);
        nowMs += step;
        expect(clock.now()).toBe(nowMs);
        expect(ran.map(({ index }) => index)).toEqual(
          delays
            .map((delay, index) => ({ delay, index }))
            .filter(({ delay }) => delay <= nowMs)
            .toSorted((a, b) => a.delay - b.delay || a.index - b.index)
            .map(({ index }) => index),
        );
      }
      expect(ran.every(({ delay, atMs }) => delay === atMs)).toBe(true);
    }),
  );
});

test('what a timer sets on its way runs in the same advance, and a cancelled one never', async () => {
  const clock = manualClock();
  const ran: string[] = [];
  const cancel = clock.after(2, () => ran.push('cancelled'));
  clock.after(1, () => {
    ran.push('first');
    cancel();
    void Promise.resolve().then(() => clock.after(1, () => ran.push('second')));
  });
  expect(clock.pending).toEqual([1, 2]);
  await clock.advance(2);
  expect(ran).toEqual(['first', 'second']);
  expect(clock.pending).toEqual([]);
  await expect(clock.advance(-1)).rejects.toThrow(RangeError);
});
