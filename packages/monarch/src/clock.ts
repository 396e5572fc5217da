/** Time as the runtime sees it; replaced to run the same code under simulated time. */
export interface Clock {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Runs `task` after `delayMs` unless the returned function is called before. */
  after(delayMs: number, task: () => void): () => void;
}

/** What a timer can hold, 24 days; longer would fire at once, and here never does. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The time of this machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (delayMs, task) => {
    if (delayMs > MAX_TIMER_MS) return () => {};
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};
