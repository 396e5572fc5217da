import type { MetricRecord } from '@forge/observability';
import type { Loops } from '../loops.ts';
import type { Run } from '../run.ts';
import { ConditionWatch } from './condition-watch.ts';
import { conditions } from './conditions.ts';
import { explainStall } from './explain-stall.ts';
import { stallCounts } from './stall-counts.ts';

/** Warns of what is wrong with the training of a run. */
export class Diagnosis {
  readonly #run: Pick<Run, 'config' | 'parts' | 'warnings'>;
  readonly #loops: Loops;
  readonly #watch = new ConditionWatch(conditions);

  constructor(run: Pick<Run, 'config' | 'parts' | 'warnings'>, loops: Loops) {
    this.#run = run;
    this.#loops = loops;
  }

  /** Waits for a batch, and says now and then why none forms. */
  async waitFor<Batch>(batch: Promise<Batch>): Promise<Batch> {
    const { config, parts, warnings } = this.#run;
    const counts = stallCounts(parts, this.#loops);
    const startedMs = performance.now();
    const timer = setInterval(() => {
      warnings.tell('stall', explainStall(counts((performance.now() - startedMs) / 1000)));
    }, config.diagnostics.stallSeconds * 1000);
    try {
      return await batch;
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
