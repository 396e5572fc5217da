import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { AbortWatch } from '../src/routing/abort-watch.ts';

test('however many wait, the signal has one listener, and none when nobody does', () => {
  const watch = new AbortWatch();
  const { signal } = new AbortController();
  const stops = [1, 2, 3].map(() => watch.add(signal, () => {}));
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  for (const stop of stops) stop();
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  watch.add(signal, () => {});
  // Stopping twice does not stop another.
  for (const stop of stops) stop();
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
});

test('an abort reaches all who still wait, also when one makes another stop', () => {
  const watch = new AbortWatch();
  const abort = new AbortController();
  const told: string[] = [];
  watch.add(abort.signal, () => {
    told.push('first');
    stopSecond();
  });
  const stopSecond = watch.add(abort.signal, () => told.push('second'));
  watch.add(abort.signal, () => told.push('third'));
  watch.add(new AbortController().signal, () => told.push('another signal'));
  abort.abort();
  expect(told).toEqual(['first', 'third']);
});
