/** Seconds that a rate looks back. Source: TorchForge `ReplicaMetrics.get_request_rate`. */
const WINDOW_SECONDS = 60;

/** Counts events and tells how many there were a second, over the last minute. */
export class Rate {
  readonly #counts = new Uint32Array(WINDOW_SECONDS);
  readonly #seconds = new Float64Array(WINDOW_SECONDS).fill(-1);

  count(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    const slot = second % WINDOW_SECONDS;
    if (this.#seconds[slot] !== second) {
      this.#seconds[slot] = second;
      this.#counts[slot] = 0;
    }
    this.#counts[slot]!++;
  }

  /** Events per second. */
  perSecond(nowMs: number): number {
    const oldest = Math.floor(nowMs / 1000) - WINDOW_SECONDS;
    return this.#counts.reduce((sum, n, slot) => (this.#seconds[slot]! > oldest ? sum + n : sum), 0) / WINDOW_SECONDS;
  }
}
