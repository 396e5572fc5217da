import type { MetricRecord } from '@forge/observability';
import type { Loops } from '../loops.ts';
import type { Run } from '../run.ts';
import { ConditionWatch, type WatchState } from './condition-watch.ts';
import { conditions } from './conditions.ts';
import { explainStall } from './explain-stall.ts';
import { stallCounts } from './stall-counts.ts';

/** Warns of what is wrong with the training of a run. */
export class Diagnosis {
  readonly #run: Pick<Run, 'config' | 'parts' | 'warnings'>;
  readonly #loops: Loops;
  readonly #watch: ConditionWatch;

  /** @param watched - of a run that goes on: what was seen and told. */
  constructor(run: Pick<Run, 'config' | 'parts' | 'warnings'>, loops: Loops, watched?: WatchState) {
    this.#run = run;
    this.#loops = loops;
    this.#watch = new ConditionWatch(conditions, watched);
  }

  /** To go on from. */
  get state(): WatchState {
    return this.#watch.state;
  }

  /** Waits for a batch, and says now and then why none forms. */
  async waitForBatch<Batch>(batch: Promise<Batch>): Promise<Batch> {
    const counts = stallCounts(this.#run.parts, this.#loops);
    return await this.#waitFor(batch, (waitedSeconds) => explainStall(counts(waitedSeconds)));
  }

  /** Waits until new weights are in use, and says now and then that they are not. */
  async waitForPublish<Version>(publish: Promise<Version>): Promise<Version> {
    return await this.#waitForGenerators('New weights', publish);
  }

  /** Waits until a step is in the log, for which all generators are asked, and says now and then that it is not. */
  async waitForMetrics<Line>(logged: Promise<Line>): Promise<Line> {
    return await this.#waitForGenerators('The metrics of a step', logged);
  }

  async #waitForGenerators<T>(what: string, awaited: Promise<T>): Promise<T> {
    return await this.#waitFor(awaited, (waitedSeconds) => {
      const states = this.#run.parts.generator
        .state()
        .replicas.map(({ index, state }) => `generator/${index} is ${state}`);
      return (
        `${what} have been on their way for ${Math.round(waitedSeconds)} s: ${states.join(', ')}. One of them does not ` +
        'answer; if it stays so, end its process, and another one takes its place.'
      );
    });
  }

  async #waitFor<T>(awaited: Promise<T>, explain: (waitedSeconds: number) => string): Promise<T> {
    const { config, warnings } = this.#run;
    const startedMs = performance.now();
    const tell = () => warnings.tell('stall', explain((performance.now() - startedMs) / 1000));
    const timer = setInterval(tell, config.diagnostics.stallSeconds * 1000);
    try {
      return await awaited;
    } finally {
      clearInterval(timer);
    }
  }

  /** A step has ended, with this line. */
  check(line: MetricRecord): void {
    const numbers = Object.entries(line).filter((field): field is [string, number] => typeof field[1] === 'number');
    for (const { name, message } of this.#watch.check(Object.fromEntries(numbers))) {
      this.#run.warnings.tell(name, message);
    }
  }
}
