import { expect, test } from 'vitest';
import { DownloadMeter } from '../src/download-progress.ts';
import type { DownloadProgress } from '../src/index.ts';
import { progressLine } from '../src/progress-line.ts';

/** A meter whose clock the test sets. */
function meterOf(totalBytes: number) {
  let nowMs = 0;
  const seen: DownloadProgress[] = [];
  const meter = new DownloadMeter(
    { name: 'a/b', totalBytes },
    (progress) => seen.push(progress),
    () => nowMs,
  );
  return { meter, seen, pass: (ms: number) => (nowMs += ms) };
}

test('the rate is that of the last seconds, and the time left follows from it', () => {
  const { meter, seen, pass } = meterOf(10_000);
  for (let second = 0; second < 4; second++) {
    pass(1000);
    meter.receive('slow', 100);
  }
  for (let second = 0; second < 4; second++) {
    pass(1000);
    meter.receive('fast', 1000);
  }
  meter.report();
  expect(seen.at(-1)).toMatchObject({ bytes: 4400, bytesPerSecond: 1000, secondsLeft: 5.6 });
});

test('what an earlier attempt left counts as there, and not as speed', () => {
  const { meter, seen, pass } = meterOf(1000);
  meter.moveTo('weights', 900);
  meter.report();
  expect(seen.at(-1)).toMatchObject({ bytes: 900, bytesPerSecond: 0, secondsLeft: undefined });
  pass(1000);
  meter.receive('weights', 50);
  expect(seen.at(-1)).toMatchObject({ bytes: 950, bytesPerSecond: 50, secondsLeft: 1 });
});

test('many small pieces are reported ten times a second', () => {
  const { meter, seen, pass } = meterOf(1000);
  for (let piece = 0; piece < 1000; piece++) {
    meter.receive('weights', 1);
    pass(1);
  }
  expect(seen).toHaveLength(10);
});

test.each([
  [
    { bytes: 512e6, totalBytes: 1.5e9, bytesPerSecond: 48e6, secondsLeft: 20.6 },
    'a/b: 512 MB of 1.50 GB, 48.0 MB/s, 21 s left',
  ],
  [{ bytes: 0, totalBytes: 999, bytesPerSecond: 0, secondsLeft: undefined }, 'a/b: 0 B of 999 B, 0 B/s'],
])('%j reads as a person says it', (progress, line) => {
  expect(progressLine({ name: 'a/b', ...progress })).toBe(line);
});
