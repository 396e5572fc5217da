import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';

/** What a process may not exceed. */
export interface WatchdogLimits {
  /** How long it may do one thing. */
  readonly timeoutMs: number;
  /** Memory of all of it. */
  readonly memoryBytes: number;
}

/** Places in the memory that the thread reads. */
export const PLACE = { isWatching: 0, beats: 1, isOver: 2 } as const;

/** The signals by which a process ends itself, since it cannot say why in any other way. */
export const SIGNAL_OF = { timedOut: 'SIGALRM', outOfMemory: 'SIGUSR2' } as const;

/**
 * Ends this process when it is stuck, or takes too much memory: from a thread of its own, since code that never returns
 * lets nothing else run. Who called it learns of it by the signal.
 */
export class Watchdog implements AsyncDisposable {
  readonly #memory = new Int32Array(new SharedArrayBuffer(4 * Object.keys(PLACE).length));
  readonly #thread: Worker;
  #works = 0;

  constructor(limits: WatchdogLimits) {
    const file = join(import.meta.dirname, `watchdog-thread${extname(import.meta.url)}`);
    this.#thread = new Worker(file, { workerData: { memory: this.#memory, limits } });
    this.#thread.unref();
  }

  /** Watches while something is done. Waiting is no reason to be killed: only what blocks is. */
  async watch<T>(work: () => Promise<T>): Promise<T> {
    this.#works += 1;
    this.beat();
    Atomics.store(this.#memory, PLACE.isWatching, 1);
    Atomics.notify(this.#memory, PLACE.isWatching);
    const timer = setInterval(() => this.beat(), 100);
    try {
      return await work();
    } finally {
      clearInterval(timer);
      this.#works -= 1;
      if (this.#works === 0) Atomics.store(this.#memory, PLACE.isWatching, 0);
    }
  }

  /** Something else begins, which has the whole time. */
  beat(): void {
    Atomics.add(this.#memory, PLACE.beats, 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Atomics.store(this.#memory, PLACE.isOver, 1);
    Atomics.store(this.#memory, PLACE.isWatching, 1);
    Atomics.notify(this.#memory, PLACE.isWatching);
    await this.#thread.terminate();
  }
}
