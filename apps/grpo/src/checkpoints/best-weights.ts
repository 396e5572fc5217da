import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { RunLog } from '@forge/run';
import type { Config } from '../config/config.ts';
import type { Parts } from '../parts.ts';

/** Keeps the weights with the best held-out accuracy in `best/`, whole at every moment, however long ago they were. */
export class BestWeights {
  readonly #log: RunLog;
  readonly #parts: Pick<Parts, 'trainer'>;
  readonly #isKept: boolean;

  constructor({ config, log, parts }: { readonly config: Config; readonly log: RunLog; readonly parts: Parts }) {
    this.#log = log;
    this.#parts = parts;
    this.#isKept = config.evaluation.keepBest;
  }

  /** Writes the weights of the trainer when they are better than all before; to be told before their step is in the log. */
  async offer(accuracy: number): Promise<void> {
    const best = this.#log.bestAccuracy('grpo');
    if (!this.#isKept || (best !== undefined && accuracy <= best)) return;
    const folder = path.join(this.#log.folder, 'best');
    await this.#parts.trainer.saveWeights.callOne(`${folder}.unfinished`);
    await rm(folder, { recursive: true, force: true });
    await rename(`${folder}.unfinished`, folder);
  }
}
