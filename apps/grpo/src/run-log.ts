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
import type { Group } from '@forge/data';
import { jsonlSink, MetricLogger, type MetricSource, tensorBoardSink } from '@forge/observability';
import { stringify } from 'yaml';
import type { Config } from './config/config.ts';
import { type Curve, curvesSvg } from './curves.ts';

export type Phase = 'warmup' | 'grpo';

/** A line of `metrics.jsonl`: what `phase` cannot know is absent. */
export type StepMetrics = Readonly<Record<string, number>>;

/** Keys that every line has; JSON writes NaN as `null`. */
const absent = { 'reward/mean': NaN, loss: NaN, kl: NaN, gradNorm: NaN, policyAge: NaN, tokensPerSecond: NaN };

interface Measured {
  readonly phase: Phase;
  readonly seconds: number;
  readonly accuracy: number | undefined;
  readonly reward: number | undefined;
}

/** Sizes of the files of a run, in bytes. */
export interface LogSize {
  readonly metrics: number;
  readonly completions: number;
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

  /**
   * @param warn - told, in one line, when a step lacks what some process recorded.
   * @param size - of the files of a run that goes on: what was written after its checkpoint is taken away.
   */
  constructor(folder: string, config: Config, warn: (line: string) => void, size?: LogSize) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'config.yaml'), stringify(config));
    this.folder = folder;
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

  /** Steps of all phases. */
  get steps(): number {
    return this.#measured.length;
  }

  /** Seconds since the run began. */
  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  /** Held-out accuracy when it was evaluated last. */
  get accuracy(): number | undefined {
    return this.#measured.findLast(({ accuracy }) => accuracy !== undefined)?.accuracy;
  }

  /** Held-out accuracy with which reinforcement learning began. */
  get initialAccuracy(): number | undefined {
    const ofWarmUp = this.#measured.filter(({ phase }) => phase === 'warmup');
    const from = ofWarmUp.length > 0 ? ofWarmUp.findLast(isEvaluated) : this.#measured.find(isEvaluated);
    return from?.accuracy;
  }

  /** No step has ended, so there is no `curves.svg`. */
  get isEmpty(): boolean {
    return this.#measured.length === 0;
  }

  get grpoSteps(): number {
    return this.#measured.filter(({ phase }) => phase === 'grpo').length;
  }

  /** Adds what an actor or service records in its own processes to every line from now on. */
  async observe(source: MetricSource): Promise<void> {
    await this.#logger.observe(source);
  }

  /** Ends a step. Every line has the same first keys; a number that a phase does not have is `null`. */
  async step(phase: Phase, metrics: StepMetrics): Promise<void> {
    for (const [key, value] of Object.entries(metrics)) this.#logger.record(key, value);
    const place = { wallSeconds: round(this.seconds), phase };
    await this.#logger.flush(this.#measured.length + 1, { ...place, ...absent });
    this.#measured.push({
      phase,
      seconds: this.seconds,
      accuracy: metrics['eval/accuracy'],
      reward: metrics['reward/mean'],
    });
  }

  /** The completions that the step just ended was trained on. */
  completions(groups: readonly Group[]): void {
    const step = this.#measured.length;
    const lines = groups.flatMap(({ number, episodes }) =>
      episodes.map(({ prompt, completion, target, reward, rewards, advantage, finishReason, policyVersion }) =>
        JSON.stringify({
          step,
          group: number,
          policyVersion,
          prompt,
          completion,
          target,
          reward,
          rewards,
          advantage,
          finishReason,
        }),
      ),
    );
    writeSync(this.#completions, `${lines.join('\n')}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isEmpty) writeFileSync(path.join(this.folder, 'curves.svg'), this.#picture());
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
    const warmUpEnd = this.#measured.findLast(({ phase }) => phase === 'warmup')?.seconds;
    return curvesSvg(
      [
        curve('mean reward', '#9a6ee3', ({ reward }) => reward),
        curve('held-out accuracy', '#1a7f37', ({ accuracy }) => accuracy),
      ],
      {
        title: 'Held-out accuracy and reward',
        xLabel: 'seconds',
        ...(warmUpEnd !== undefined && { marks: [{ x: warmUpEnd, label: 'GRPO begins' }] }),
      },
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
    const record = JSON.parse(line) as Readonly<Record<string, number | null>> & { readonly phase: Phase };
    return {
      phase: record.phase,
      seconds: record['wallSeconds'] ?? 0,
      accuracy: record['eval/accuracy'] ?? undefined,
      reward: record['reward/mean'] ?? undefined,
    };
  });
}

const isEvaluated = ({ accuracy }: Measured) => accuracy !== undefined;
const round = (value: number) => Math.round(value * 1000) / 1000;
