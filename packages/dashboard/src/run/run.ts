import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { DashboardError } from '../errors.ts';
import { CompletionIndex } from './completion-index.ts';
import { LineFollower } from './line-follower.ts';
import { MetricTable } from './metric-table.ts';
import { RecordFile } from './record-file.ts';

/** The files of a run, read as far as they are written. */
export class Run {
  readonly name: string;
  readonly folder: string;
  readonly completions: CompletionIndex;
  /** What was wrong. */
  readonly warnings: RecordFile;
  /** All processes, whenever one of them changed. */
  readonly processes: RecordFile;
  readonly #metrics: LineFollower;
  #table = new MetricTable();

  /** @throws {DashboardError} when there is no such folder. */
  constructor(folder: string, name: string) {
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
      throw new DashboardError(`${folder} is no folder of a run`);
    this.name = name;
    this.folder = folder;
    this.#metrics = new LineFollower(path.join(folder, 'metrics.jsonl'));
    this.completions = new CompletionIndex(path.join(folder, 'completions.jsonl'));
    this.warnings = new RecordFile(path.join(folder, 'warnings.jsonl'));
    this.processes = new RecordFile(path.join(folder, 'processes.jsonl'));
  }

  get table(): MetricTable {
    return this.#table;
  }

  /** The configuration as it was written, if it was. */
  get config(): string | undefined {
    const file = path.join(this.folder, 'config.yaml');
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  }

  /** Reads what was added to the files. @returns whether there was something. */
  refresh(): boolean {
    const before = this.#table.length;
    let isNew = false;
    for (const part of this.#metrics.read()) {
      if (part.isNew) {
        isNew = true;
        this.#table = new MetricTable();
      }
      for (const { text } of part.lines) this.#table.add(text);
    }
    const others = [this.completions, this.warnings, this.processes].map((file) => file.refresh());
    return [...others, isNew, this.#table.length > before].some(Boolean);
  }

  [Symbol.dispose](): void {
    this.#metrics[Symbol.dispose]();
    for (const file of [this.completions, this.warnings, this.processes]) file[Symbol.dispose]();
  }
}
