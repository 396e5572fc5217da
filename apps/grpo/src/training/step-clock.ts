/** Splits the time of a step by what it was spent on. */
export class StepClock {
  readonly #laps = new Map<string, number>();
  #lastMs = performance.now();

  /** What was done since the last call. */
  lap(phase: string): void {
    const nowMs = performance.now();
    this.#laps.set(phase, (this.#laps.get(phase) ?? 0) + nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }

  /** Share of the time since the last {@link take} that was spent on a phase. */
  shareOf(phase: string): number {
    const totalMs = this.#laps.values().reduce((sum, ms) => sum + ms, 0);
    return (this.#laps.get(phase) ?? 0) / totalMs;
  }

  /** `perf/<phase>Seconds` of each, since the last call of this. */
  take(): Readonly<Record<string, number>> {
    const taken = Object.fromEntries(Array.from(this.#laps, ([phase, ms]) => [`perf/${phase}Seconds`, ms / 1000]));
    this.#laps.clear();
    return taken;
  }
}
