import type { BoundRun } from '@forge/onnx';

/** The event loop may stand still so long: a switch to another thread and back would be a large part of such a run. */
const LONGEST_BLOCKING_MS = 1.5;

/** Runs of one kind: short ones on the event loop's thread, others beside it. */
export class RunPace {
  /** Of the quickest of the latest runs: other work on the machine makes some of them long. */
  #msPerUnit = Number.POSITIVE_INFINITY;

  /**
   * Runs once; gives a promise only where it has not ended yet.
   *
   * @param numUnits - what the time it takes grows with. @default 1
   */
  run(bound: BoundRun, numUnits = 1): Promise<void> | undefined {
    const startedAtMs = performance.now();
    const ended = (): undefined => {
      this.#msPerUnit = Math.min((performance.now() - startedAtMs) / numUnits, this.#msPerUnit * 1.02);
    };
    if (!bound.runBlocking || this.#msPerUnit * numUnits >= LONGEST_BLOCKING_MS) return bound.run().then(ended);
    bound.runBlocking();
    return ended();
  }
}
