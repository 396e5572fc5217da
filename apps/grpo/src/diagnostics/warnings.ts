import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { recordMetric } from '@forge/observability';
import type { Progress, RunLog } from '@forge/run';

/** Where warnings go. */
export interface WarningsOptions {
  readonly log: RunLog;
  readonly progress: Progress;
}

/** What was told, to go on from. */
export interface WarningsState {
  readonly lines: number;
  /** Those that are not in the metrics of a step yet. */
  readonly pending: number;
}

/** Tells what is wrong with a run: on the terminal, in `warnings.jsonl`, and as the metric `warnings`. */
export class Warnings {
  readonly #log: RunLog;
  readonly #progress: Progress;
  readonly #file: string;
  readonly #toldAt: number[] = [];

  /** @param state - of a run that goes on: warnings that were told after it are taken back. @default nothing was told */
  constructor({ log, progress }: WarningsOptions, { lines, pending }: WarningsState = { lines: 0, pending: 0 }) {
    this.#log = log;
    this.#progress = progress;
    this.#file = path.join(log.folder, 'warnings.jsonl');
    if (!existsSync(this.#file)) return;
    const kept = readFileSync(this.#file, 'utf8').split('\n').filter(Boolean).slice(0, lines);
    writeFileSync(this.#file, kept.map((line) => `${line}\n`).join(''));
    this.#toldAt.push(...kept.map((line) => (JSON.parse(line) as { readonly step: number }).step));
    if (pending > 0) recordMetric('warnings', pending, 'sum');
  }

  get state(): WarningsState {
    const steps = this.#log.steps();
    return { lines: this.#toldAt.length, pending: this.#toldAt.filter((step) => step === steps).length };
  }

  /** @param name - of what is wrong, the same whenever it is. */
  tell(name: string, message: string): void {
    recordMetric('warnings', 1, 'sum');
    const step = this.#log.steps();
    this.#toldAt.push(step);
    this.#progress.note(`Warning: ${message}`);
    const wallSeconds = Math.round(this.#log.seconds * 1000) / 1000;
    appendFileSync(this.#file, `${JSON.stringify({ step, wallSeconds, name, message })}\n`);
  }
}
