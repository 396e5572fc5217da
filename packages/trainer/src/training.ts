import { gradientName, type ModelConfig, parameters, type Weights } from '@forge/models';
import type { Session } from '@forge/onnx';
import { type Tensor, tensor } from '@forge/tensor';
import { NonFiniteGradientError } from './errors.ts';
import { AdamW } from './optimizer/adam-w.ts';
import { clipGradNorm } from './optimizer/clip.ts';
import { type Schedule, scheduleFactor } from './optimizer/schedule.ts';
import { gatherPicks, pack } from './pack.ts';
import { addInPlace, allocateArena, type ParameterArena, viewArena } from './parameter-arena.ts';
import {
  allocateScoreFetches,
  allocateScores,
  batchFeeds,
  collectScores,
  type Scores,
  scoreSequences,
} from './scores.ts';
import { checkSequences, type Sequence } from './sequence.ts';
import type { ForwardOptions, ModelWeights, TrainingOptions } from './training-options.ts';
import type { OptimizerStep, TrainingProgress, TrainingState } from './training-state.ts';

/**
 * A model in training: weights, gradients and moments, changed in place.
 *
 * Gradients add up from one `forwardBackward` to the next, and `optimizerStep` uses them up. Made by {@link openTraining}.
 */
export class Training implements AsyncDisposable {
  readonly config: ModelConfig;
  /** The weights of now, by Hugging Face name; a step changes them in place. */
  readonly weights: Weights;
  readonly gradients: Readonly<Record<string, Tensor<'float32'>>>;
  /** Mean of gradients and of their squares, by the names of the weights. */
  readonly moments: TrainingState['moments'];
  readonly #sessions: { readonly scoring: Session; readonly training: Session };
  readonly #options: TrainingOptions;
  readonly #weightArena: ParameterArena;
  readonly #gradientArena: ParameterArena;
  readonly #optimizer: AdamW;
  readonly #learningRate: number;
  #schedule: Schedule;
  #scratchArena: ParameterArena | undefined;
  #hasGradients = false;
  #steps = 0;

  constructor(
    { config, weights }: ModelWeights,
    sessions: { readonly scoring: Session; readonly training: Session },
    options: TrainingOptions = {},
  ) {
    this.config = config;
    this.#sessions = sessions;
    this.#options = options;
    this.#weightArena = allocateArena(parameters(config));
    this.#gradientArena = allocateArena(parameters(config));
    this.weights = this.#weightArena.tensors;
    this.gradients = this.#gradientArena.tensors;
    this.#optimizer = new AdamW(this.#weightArena.flat, options.optimizer);
    const [first, second] = this.#optimizer.moments;
    this.moments = [viewArena(first, parameters(config)).tensors, viewArena(second, parameters(config)).tensors];
    fill(this.weights, weights);
    this.#learningRate = options.optimizer?.learningRate ?? 1e-3;
    this.#schedule = options.schedule ?? { kind: 'constant' };
  }

  /** Optimiser steps taken since the model was first opened. */
  get steps(): number {
    return this.#steps;
  }

  get progress(): TrainingProgress {
    return { steps: this.#steps, phaseSteps: this.#optimizer.steps, schedule: this.#schedule };
  }

  /** Goes back, or on, to a state; its tensors are copied and must have the shapes of this model's. */
  restore({ weights, moments, progress }: TrainingState): void {
    fill(this.weights, weights);
    for (const [i, moment] of this.moments.entries()) fill(moment, moments[i]!);
    this.#optimizer.resume(progress.phaseSteps);
    this.#schedule = progress.schedule;
    this.#steps = progress.steps;
    this.zeroGradients();
  }

  /**
   * Log-probability and entropy of every token of `tokenIds` that is not masked out.
   *
   * @throws {BatchError} when a sequence cannot be scored.
   */
  async forward(sequences: readonly Sequence[], options: ForwardOptions = {}): Promise<Scores> {
    checkSequences(sequences, this.config);
    const model = { session: this.#sessions.scoring, parameters: this.weights };
    return scoreSequences(model, sequences, { ...this.#options, ...options });
  }

  /**
   * Adds the gradient of `Σ weights·logProbs` to the gradients, one micro-batch after the other.
   *
   * @param tokenWeights - `dL/dlogProb`, one number for each token of each sequence.
   * @throws {BatchError} when a sequence cannot be scored.
   */
  async forwardBackward(
    sequences: readonly Sequence[],
    tokenWeights: readonly ArrayLike<number>[],
    { temperature = 1, masks }: ForwardOptions = {},
  ): Promise<Scores> {
    checkSequences(sequences, this.config);
    const scores = allocateScores(sequences);
    for (const batch of pack(sequences, this.#options, masks)) {
      const target = this.#hasGradients ? this.#scratch() : this.#gradientArena;
      const picks = gatherPicks(batch, tokenWeights);
      const feeds = { ...batchFeeds(batch, temperature), weights: tensor('float32', [picks.length], picks) };
      const fetches = allocateScoreFetches(batch);
      await this.#sessions.training.run({ ...this.weights, ...feeds }, { ...fetches, ...gradientFetches(target) });
      if (this.#hasGradients) addInPlace(this.#gradientArena.flat, target.flat);
      this.#hasGradients = true;
      collectScores(batch, fetches, scores);
    }
    return scores;
  }

  /**
   * Clips the gradients, takes one step along them and drops them.
   *
   * @param learningRate - instead of the one of the schedule.
   * @throws {NonFiniteGradientError} when the gradient is not a number; the weights and moments are as they were.
   */
  optimizerStep({ learningRate }: { readonly learningRate?: number | undefined } = {}): OptimizerStep {
    if (!this.#hasGradients) this.zeroGradients();
    const gradNorm = clipGradNorm(this.#gradientArena.flat, this.#options.maxGradNorm ?? 1);
    if (!Number.isFinite(gradNorm)) {
      const broken = Object.entries(this.gradients).filter(([, { data }]) => !data.every(Number.isFinite));
      this.zeroGradients();
      throw new NonFiniteGradientError({ gradNorm, step: this.#steps + 1, parameters: broken.map(([name]) => name) });
    }
    const rate = learningRate ?? this.#learningRate * scheduleFactor(this.#schedule, this.#optimizer.steps);
    this.#optimizer.step(this.#weightArena.flat, this.#gradientArena.flat, rate);
    this.#steps++;
    this.#hasGradients = false;
    return { gradNorm, learningRate: rate };
  }

  /** Drops the gradients. */
  zeroGradients(): void {
    this.#gradientArena.flat.fill(0);
    this.#hasGradients = false;
  }

  /** Starts a new phase: moments 0, the schedule from its first step. The weights stay. */
  resetOptimizer(schedule: Schedule = this.#schedule): void {
    this.#optimizer.reset();
    this.#schedule = schedule;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sessions.scoring[Symbol.asyncDispose]();
    await this.#sessions.training[Symbol.asyncDispose]();
  }

  #scratch(): ParameterArena {
    this.#scratchArena ??= allocateArena(parameters(this.config));
    return this.#scratchArena;
  }
}

const gradientFetches = (arena: ParameterArena): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(arena.tensors).map(([name, view]) => [gradientName(name), view]));

function fill(views: Weights, values: Weights): void {
  for (const [name, { data }] of Object.entries(views)) data.set(values[name]!.data);
}
