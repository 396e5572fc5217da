/** Lines of the trace that an error tells. */
const TAIL_LINES = 30;

/** A simulation that did not come to its end. Its seed makes it happen again. */
export class SimulationError extends Error {
  override readonly name = 'SimulationError';
  readonly code = 'ERR_MONARCH_SIMULATION';
  readonly seed: number;
  /** What happened, in order. */
  readonly trace: readonly string[];

  constructor(seed: number, problem: string, trace: readonly string[], options?: ErrorOptions) {
    const tail = trace.slice(-TAIL_LINES);
    const skipped = trace.length > tail.length ? [`… ${trace.length - tail.length} events before`] : [];
    super([`The simulation of seed ${seed} failed: ${problem}`, ...skipped, ...tail].join('\n  '), options);
    this.seed = seed;
    this.trace = trace;
  }
}
