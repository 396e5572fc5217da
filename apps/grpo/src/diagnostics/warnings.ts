import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { recordMetric } from '@forge/observability';
import type { Progress, RunLog } from '@forge/run';

/** Where warnings go. */
export interface WarningsOptions {
  readonly log: RunLog;
  readonly progress: Progress;
}

/** Tells what is wrong with a run: on the terminal, in `warnings.jsonl`, and as the metric `warnings`. */
export class Warnings {
  readonly #log: RunLog;
  readonly #progress: Progress;
  readonly #file: string;

  /** Takes back the warnings of steps that a run which goes on has not taken yet. */
  constructor({ log, progress }: WarningsOptions) {
    this.#log = log;
    this.#progress = progress;
    this.#file = path.join(log.folder, 'warnings.jsonl');
    const lines = existsSync(this.#file) ? readFileSync(this.#file, 'utf8').split('\n').filter(Boolean) : [];
    const kept = lines.filter((line) => (JSON.parse(line) as { readonly step: number }).step <= log.steps());
    if (kept.length < lines.length) writeFileSync(this.#file, kept.map((line) => `${line}\n`).join(''));
  }

  /** @param name - of what is wrong, the same whenever it is. */
  tell(name: string, message: string): void {
    recordMetric('warnings', 1, 'sum');
    this.#progress.note(`Warning: ${message}`);
    const wallSeconds = Math.round(this.#log.seconds * 1000) / 1000;
    appendFileSync(this.#file, `${JSON.stringify({ step: this.#log.steps(), wallSeconds, name, message })}\n`);
  }
}
