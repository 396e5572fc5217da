/** Time as the runtime sees it; replaced to run the same code under simulated time. */
export interface Clock {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Runs `task` after `delayMs` unless the returned function is called before. */
  after(delayMs: number, task: () => void): () => void;
  /** Runs `task` in a later turn of the event loop: whatever is ready by now goes first. */
  soon(task: () => void): void;
}

/** What a timer can hold, 24 days: a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The time of this machine. A delay may be as long as wanted; an infinite one never ends, and keeps no process running. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, task) => {
    if (delayMs === Number.POSITIVE_INFINITY) return () => {};
    let timer: NodeJS.Timeout;
    const wait = (restMs: number) => {
      const stepMs = Math.min(restMs, MAX_TIMER_MS);
      timer = setTimeout(restMs > stepMs ? () => wait(restMs - stepMs) : task, stepMs);
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
  soon: (task) => void setImmediate(task),
};
