import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { jsonlSink, MetricLogger, type MetricRecord, type MetricSource, tensorBoardSink } from '@forge/observability';
import { stringify } from 'yaml';
import { type Curve, curvesSvg } from './curves.ts';

/** A line of `metrics.jsonl`: what a phase cannot know is absent. */
export type StepMetrics = Readonly<Record<string, number>>;

/** What the log keeps of a line. */
interface Measured {
  /** 0: of what was measured before the first. */
  readonly step: number;
  readonly phase: string;
  readonly seconds: number;
  readonly accuracy: number | undefined;
  readonly reward: number | undefined;
}

/** Sizes of the files of a run, in bytes. */
export interface LogSize {
  readonly metrics: number;
  readonly completions: number;
}

export interface RunLogOptions {
  /** Written as `config.yaml`. */
  readonly settings: object;
  /** Keys that every line of `metrics.jsonl` has, `null` where a step has no such number. @default none */
  readonly keys?: readonly string[];
  /** Told, in one line, when a step lacks what some process recorded. */
  readonly warn: (line: string) => void;
  /** Of the files of a run that goes on: what was written after its checkpoint is taken away. @default a new run */
  readonly size?: LogSize | undefined;
}

/**
 * Writes what happens in a run to its folder: `config.yaml` (resolved), `metrics.jsonl` (one object a step; the same for TensorBoard),
 * `completions.jsonl` (one object a completion), and `curves.svg` when it is closed.
 */
export class RunLog implements AsyncDisposable {
  readonly folder: string;
  readonly #logger: MetricLogger;
  readonly #completions: number;
  readonly #startedMs: number;
  readonly #measured: Measured[] = [];
  /** JSON writes NaN as `null`. */
  readonly #absent: Readonly<Record<string, number>>;

  constructor(folder: string, { settings, keys = [], warn, size }: RunLogOptions) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'config.yaml'), stringify(settings));
    this.folder = folder;
    this.#absent = Object.fromEntries(keys.map((key) => [key, NaN]));
    const metrics = path.join(folder, 'metrics.jsonl');
    const completions = path.join(folder, 'completions.jsonl');
    cut(metrics, size?.metrics ?? 0);
    cut(completions, size?.completions ?? 0);
    this.#measured.push(...readMeasured(metrics));
    this.#startedMs = performance.now() - (this.#measured.at(-1)?.seconds ?? 0) * 1000;
    this.#logger = new MetricLogger([jsonlSink(metrics), tensorBoardSink(path.join(folder, 'tensorboard'))], { warn });
    this.#completions = openSync(completions, 'a');
  }

  /** Bytes that are written. */
  get size(): LogSize {
    return {
      metrics: statSync(path.join(this.folder, 'metrics.jsonl')).size,
      completions: fstatSync(this.#completions).size,
    };
  }

  /** Steps of all phases, or of one. */
  steps(phase?: string): number {
    return this.#measured.filter((measured) => measured.step > 0 && (phase ?? measured.phase) === measured.phase)
      .length;
  }

  /** Seconds since the run began. */
  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  /** Held-out accuracy when it was evaluated last. */
  get accuracy(): number | undefined {
    return this.#measured.findLast(isEvaluated)?.accuracy;
  }

  /** Held-out accuracy with which a phase began: the last before it, or its own first. */
  accuracyBefore(phase: string): number | undefined {
    const begin = this.#measured.findIndex((measured) => measured.phase === phase);
    const before = begin < 0 ? this.#measured : this.#measured.slice(0, begin);
    return (before.length > 0 ? before.findLast(isEvaluated) : this.#measured.find(isEvaluated))?.accuracy;
  }

  /** Adds what an actor or service records in its own processes to every line from now on. */
  async observe(source: MetricSource): Promise<void> {
    await this.#logger.observe(source);
  }

  /** Best held-out accuracy after a step of a phase so far. */
  bestAccuracy(phase: string): number | undefined {
    const steps = this.#measured.filter((measured) => measured.step > 0 && measured.phase === phase);
    const all = steps.flatMap(({ accuracy }) => accuracy ?? []);
    return all.length > 0 ? Math.max(...all) : undefined;
  }

  /** Ends a step. @returns its line: what is given, and what all processes recorded. */
  async step(phase: string, metrics: StepMetrics): Promise<MetricRecord> {
    return await this.#write(this.steps() + 1, phase, metrics);
  }

  /** Tells what was measured before the first step, as step 0. */
  async beforeSteps(phase: string, metrics: StepMetrics): Promise<void> {
    await this.#write(0, phase, metrics);
  }

  async #write(step: number, phase: string, metrics: StepMetrics): Promise<MetricRecord> {
    for (const [key, value] of Object.entries(metrics)) this.#logger.record(key, value);
    const place = { wallSeconds: round(this.seconds), phase };
    const record = await this.#logger.flush(step, { ...place, ...this.#absent });
    this.#measured.push({
      step,
      phase,
      seconds: this.seconds,
      accuracy: metrics['eval/accuracy'],
      reward: metrics['reward/mean'],
    });
    return record;
  }

  /** What the step just ended was trained on; each line gets the number of the step. */
  completions(lines: readonly object[]): void {
    const step = this.steps();
    writeSync(this.#completions, lines.map((line) => `${JSON.stringify({ step, ...line })}\n`).join(''));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.steps() > 0) writeFileSync(path.join(this.folder, 'curves.svg'), this.#picture());
    await this.#logger[Symbol.asyncDispose]();
    closeSync(this.#completions);
  }

  #picture(): string {
    const curve = (label: string, color: string, value: (measured: Measured) => number | undefined): Curve => ({
      label,
      color,
      points: this.#measured.flatMap((measured) => {
        const y = value(measured);
        return y === undefined ? [] : [[measured.seconds, y] as const];
      }),
    });
    const begins = this.#measured.flatMap(({ phase }, i) => {
      const before = this.#measured[i - 1];
      return before === undefined || before.phase === phase ? [] : [{ x: before.seconds, label: `${phase} begins` }];
    });
    return curvesSvg(
      [
        curve('mean reward', '#9a6ee3', ({ reward }) => reward),
        curve('held-out accuracy', '#1a7f37', ({ accuracy }) => accuracy),
      ],
      { title: 'Held-out accuracy and reward', xLabel: 'seconds', marks: begins },
    );
  }
}

/** Makes a file that long; it may not be there yet. */
function cut(file: string, size: number): void {
  closeSync(openSync(file, 'a'));
  truncateSync(file, size);
}

function readMeasured(file: string): readonly Measured[] {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => {
    const record = JSON.parse(line) as Readonly<Record<string, number | null>> & { readonly phase: string };
    return {
      step: record['step'] ?? 0,
      phase: record.phase,
      seconds: record['wallSeconds'] ?? 0,
      accuracy: record['eval/accuracy'] ?? undefined,
      reward: record['reward/mean'] ?? undefined,
    };
  });
}

const isEvaluated = ({ accuracy }: Measured) => accuracy !== undefined;
const round = (value: number) => Math.round(value * 1000) / 1000;
