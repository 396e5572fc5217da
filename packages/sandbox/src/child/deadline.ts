const SIGINT = 2;

/**
 * Interrupts Python once when its time is over; what catches that is killed with its process a little later. The bytecode loop reads it as the first number of an interrupt buffer, every few
 * thousand instructions, so it is also where a process notices that the one that started it is gone.
 */
export class Deadline {
  readonly #parent = process.ppid;
  #end = Infinity;
  #passed = false;

  start(timeoutMs: number): void {
    this.#end = performance.now() + timeoutMs;
    this.#passed = false;
  }

  /** Ends it. @returns whether the time was over before. */
  stop(): boolean {
    this.#end = Infinity;
    return this.#passed;
  }

  get 0(): number {
    if (process.ppid !== this.#parent) process.kill(process.pid, 'SIGKILL');
    if (performance.now() < this.#end) return 0;
    this.#end = Infinity;
    this.#passed = true;
    return SIGINT;
  }

  /** Pyodide clears what it has read. */
  set 0(_cleared: number) {
    // nothing to keep
  }
}
