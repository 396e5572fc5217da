import { expect, test } from 'vitest';
import { type LoadProgress, progressMeter } from '../src/load-progress.ts';

/** What is told of a reading of equal tensors that are there at these times. */
function toldOf(timesMs: readonly number[], bytesEach: number): LoadProgress[] {
  const told: LoadProgress[] = [];
  let nowMs = 0;
  const advance = progressMeter(
    timesMs.length * bytesEach,
    (progress) => told.push(progress),
    () => nowMs,
  );
  for (const timeMs of timesMs) {
    nowMs = timeMs;
    advance(bytesEach);
  }
  return told;
}

test('a long reading is told of once a second and when it ends; a short one is not', () => {
  expect(toldOf([100, 500, 900], 7)).toEqual([]);
  expect(toldOf([400, 1000, 1500, 1900, 2100, 2200], 100)).toEqual([
    { bytes: 200, totalBytes: 600, bytesPerSecond: 200 },
    { bytes: 500, totalBytes: 600, bytesPerSecond: 238 },
    { bytes: 600, totalBytes: 600, bytesPerSecond: 273 },
  ]);
});
