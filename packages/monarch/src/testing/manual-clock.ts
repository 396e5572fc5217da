import type { Clock } from '../time/clock.ts';
import { EventQueue } from './event-queue.ts';

/** A clock that stands still until it is told how much time has passed. */
export interface ManualClock extends Clock {
  /**
   * Lets time pass: what falls due on the way runs in order, each with all promises that follow from it, also what
   * falls due because of it.
   */
  advance(ms: number): Promise<void>;
  /** In how many milliseconds each waiting timer is due, the next first. */
  readonly pending: readonly number[];
}

/** A clock for tests, at 0. */
export function manualClock(): ManualClock {
  const queue = new EventQueue();
  return {
    now: () => queue.nowMs,
    after: (delayMs, task) => queue.add(delayMs, task),
    soon: (task) => void queue.add(0, task),
    advance: async (ms) => {
      if (!(ms >= 0)) throw new RangeError(`Time cannot pass by ${ms} ms.`);
      const endMs = queue.nowMs + ms;
      await settled();
      while ((queue.nextMs ?? Number.POSITIVE_INFINITY) <= endMs) {
        queue.take()?.run();
        await settled();
      }
      queue.skipTo(endMs);
    },
    get pending() {
      return queue.times.map((atMs) => atMs - queue.nowMs).toSorted((a, b) => a - b);
    },
  };
}

/** Every promise that can settle without time passing has settled. */
export async function settled(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
