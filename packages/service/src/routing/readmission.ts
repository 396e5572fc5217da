/** Weight of the newest call in the mean. */
const WEIGHT = 0.1;

/** Tells those whom a full queue turns away when to come again: one for each place that should become free. */
export class Readmission {
  #meanMs: number | undefined;
  #nextAtMs = 0;

  /** A call was served. */
  served(latencyMs: number): void {
    this.#meanMs = this.#meanMs === undefined ? latencyMs : this.#meanMs + WEIGHT * (latencyMs - this.#meanMs);
  }

  /** In how many milliseconds to come again, while so many calls are served at a time; `undefined` when nobody knows. */
  retryAfterMs(nowMs: number, concurrency: number): number | undefined {
    if (this.#meanMs === undefined || concurrency === 0) return undefined;
    this.#nextAtMs = Math.max(this.#nextAtMs, nowMs) + this.#meanMs / concurrency;
    return this.#nextAtMs - nowMs;
  }
}
