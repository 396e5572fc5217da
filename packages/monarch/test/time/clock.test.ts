import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/index.ts';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

test.each([1, 5, LONGEST_TIMER_MS, LONGEST_TIMER_MS + 1, 3 * LONGEST_TIMER_MS + 7])(
  'a delay of %d ms ends then and not before',
  (delayMs) => {
    let ended = 0;
    systemClock.after(delayMs, () => ended++);
    vi.advanceTimersByTime(delayMs - 1);
    expect(ended).toBe(0);
    vi.advanceTimersByTime(2);
    expect(ended).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  },
);

test('a delay longer than any timer can be called off at any time', () => {
  const cancel = systemClock.after(2 * LONGEST_TIMER_MS, () => expect.unreachable());
  vi.advanceTimersByTime(LONGEST_TIMER_MS + 1);
  cancel();
  expect(vi.getTimerCount()).toBe(0);
});

test('an infinite delay never ends and holds no timer', () => {
  systemClock.after(Number.POSITIVE_INFINITY, () => expect.unreachable());
  expect(vi.getTimerCount()).toBe(0);
});
