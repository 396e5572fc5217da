import { type LoraConfig, type ModelConfig, mergeLora, type Weights } from '@forge/models';
import { type Tensor, tensor } from '@forge/tensor';
import type { FrozenState } from './checkpoint/frozen-state.ts';
import { FrozenStates } from './checkpoint/frozen-states.ts';
import { NonFiniteGradientError } from './errors.ts';
import { AdamW } from './optimizer/adam-w.ts';
import { clipFactor, scale } from './optimizer/clip.ts';
import { normOfRows, rowSquares } from './optimizer/row-squares.ts';
import { type Schedule, scheduleFactor } from './optimizer/schedule.ts';
import { type MicroBatch, type PackOptions, pack } from './packing/pack.ts';
import { allocateScores, collectScores, type Scores } from './packing/scores.ts';
import { checkSequences, type Sequence } from './packing/sequence.ts';
import { type TokenWeights, weighPicks } from './packing/token-weights.ts';
import { allocateArena, type ParameterArena, viewArena } from './parameter-arena.ts';
import { type ParameterPlan, planParameters } from './parameter-groups.ts';
import { LocalGradients } from './passes/local-gradients.ts';
import { localWeights } from './passes/local-weights.ts';
import type { Passes, PickScores, PickWeights, WeightSource } from './passes/passes.ts';
import { type BackwardOptions, type ForwardOptions, packOptions, type TrainingOptions } from './training-options.ts';
import type { OptimizerStep, TrainingProgress, TrainingState } from './training-state.ts';

/**
 * A model in training: weights, gradients and moments, changed in place.
 *
 * Gradients add up from one `forwardBackward` to the next, and `optimizerStep` uses them up. Made by {@link openTraining}.
 */
export class Training implements AsyncDisposable {
  readonly config: ModelConfig;
  /** The weights of now, by Hugging Face name, those of adapters included; a step changes them in place. */
  readonly weights: Weights;
  /** Of the weights that are trained. */
  readonly gradients: Readonly<Record<string, Tensor<'float32'>>>;
  /** Mean of gradients and of their squares, by the names of the weights. */
  readonly moments: TrainingState['moments'];
  readonly #passes: Passes;
  readonly #options: TrainingOptions;
  readonly #plan: ParameterPlan;
  readonly #weightArena: ParameterArena;
  readonly #gradients: LocalGradients;
  readonly #source: WeightSource;
  /** Of the model alone: adapters add nothing. */
  readonly #frozenSource: WeightSource;
  readonly #optimizer: AdamW;
  readonly #learningRate: number;
  /** The memory that a step changes. */
  readonly #changing: ReadonlySet<ArrayBufferLike>;
  readonly #frozenStates = new FrozenStates();
  #schedule: Schedule;
  #steps = 0;

  /** Times the mean entropy is taken from the loss of a policy step. */
  get entropyBonus(): number {
    return this.#options.entropyBonus ?? 0;
  }

  /** How sequences become micro-batches. */
  get packing(): PackOptions {
    return packOptions(this.#options);
  }

  /** All weights are 0: they are to be filled in. */
  constructor(config: ModelConfig, passes: Passes, options: TrainingOptions = {}) {
    this.config = config;
    this.#passes = passes;
    this.#options = options;
    this.#plan = planParameters(config, options);
    const { trained, frozen, all } = this.#plan;
    this.#weightArena = allocateArena(trained);
    this.#gradients = new LocalGradients(trained);
    const tensors = { ...this.#weightArena.tensors, ...allocateArena(frozen).tensors };
    this.weights = Object.fromEntries(all.map(({ name }) => [name, tensors[name]!])); // each is trained or frozen
    this.#source = localWeights(this.weights);
    this.#frozenSource = localWeights({ ...this.weights, ...zerosLike(tensors, isAdapterOutput) });
    this.gradients = this.#gradients.tensors;
    this.#optimizer = new AdamW(this.#weightArena.flat, options.optimizer);
    const [first, second] = this.#optimizer.moments;
    this.moments = [viewArena(first, trained).tensors, viewArena(second, trained).tensors];
    this.#changing = new Set([this.#weightArena.flat.buffer, first.buffer, second.buffer]);
    this.#learningRate = options.optimizer?.learningRate ?? 1e-3;
    this.#schedule = options.schedule ?? { kind: 'constant' };
  }

  /** Optimiser steps taken since the model was first opened. */
  get steps(): number {
    return this.#steps;
  }

  /** The low-rank adapters in training, if it is those. */
  get lora(): LoraConfig | undefined {
    return this.#options.lora;
  }

  /** The weights of the model alone, adapters merged into copies of those they adapt. */
  mergedWeights(): Weights {
    const { lora } = this.#options;
    return lora === undefined ? this.weights : mergeLora(this.config, this.weights, lora);
  }

  get progress(): TrainingProgress {
    return { steps: this.#steps, phaseSteps: this.#optimizer.steps, schedule: this.#schedule };
  }

  /** Everything that the next step depends on as it is now, to be read while the training goes on; dispose of it then. */
  freeze(): FrozenState {
    return this.#frozenStates.add(this);
  }

  /**
   * Resolves when the next step has to copy at most `maxBytes` of the states that are being read; a step that does not wait for that
   * copies what it has to. @default 512 MiB
   */
  readyToStep(maxBytes = 2 ** 29): Promise<void> {
    return this.#frozenStates.readyForChange(this.#changing, maxBytes);
  }

  /**
   * Goes back, or on, to another state.
   *
   * @param read - writes weights and moments; rejects before the first of them when there is no such state.
   */
  async resume(progress: TrainingProgress, read: (into: TrainingState) => Promise<void>): Promise<void> {
    const all = Object.values(this.weights).map(({ data }) => data.buffer);
    this.#frozenStates.beforeChange(new Set([...all, ...this.#changing]));
    await read(this);
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
  async forward(
    sequences: readonly Sequence[],
    { temperature = 1, masks, adapters = 'on' }: ForwardOptions = {},
  ): Promise<Scores> {
    checkSequences(sequences, this.config);
    const scores = allocateScores(sequences);
    const collect = (batch: MicroBatch, picks: PickScores): void => collectScores(batch, picks, scores);
    await this.scoreOver(pack(sequences, this.#options, masks), collect, { temperature, adapters });
    return scores;
  }

  /**
   * Adds the gradient of `Σ weights·logProbs` to the gradients, one micro-batch after the other.
   *
   * @param tokenWeights - `dL/dlogProb`, one number for each token of each sequence, or what computes them.
   * @throws {BatchError} when a sequence cannot be scored.
   */
  async forwardBackward(
    sequences: readonly Sequence[],
    tokenWeights: TokenWeights,
    { temperature = 1, masks, entropyWeight = 0 }: BackwardOptions = {},
  ): Promise<Scores> {
    checkSequences(sequences, this.config);
    const scores = allocateScores(sequences);
    const weigh = (batch: MicroBatch, picks: PickScores): PickWeights | undefined => {
      collectScores(batch, picks, scores);
      return weighPicks(batch, { tokenWeights, scores, entropyWeight, hasEntropy: this.entropyBonus !== 0 });
    };
    await this.backwardOver(pack(sequences, this.#options, masks), weigh, temperature);
    return scores;
  }

  /** Forward over micro-batches. */
  async scoreOver(
    batches: readonly MicroBatch[],
    collect: (batch: MicroBatch, picks: PickScores) => void,
    { temperature = 1, adapters = 'on' }: Pick<ForwardOptions, 'temperature' | 'adapters'>,
  ): Promise<void> {
    const weights = adapters === 'on' ? this.#source : this.#frozenSource;
    for (const batch of batches) collect(batch, await this.#passes.score({ batch, weights, temperature }));
  }

  /** Forward and backward over micro-batches; their gradients add up in this order. */
  async backwardOver(
    batches: readonly MicroBatch[],
    weigh: (batch: MicroBatch, picks: PickScores) => PickWeights | undefined,
    temperature: number,
  ): Promise<void> {
    for (const batch of batches) {
      const inputs = { batch, weights: this.#source, temperature };
      await this.#passes.backward(inputs, (picks) => weigh(batch, picks), this.#gradients);
    }
    this.#gradients.settle();
  }

  /**
   * Clips the gradients, takes one step along them and drops them.
   *
   * @param learningRate - instead of the one of the schedule.
   * @throws {NonFiniteGradientError} when the gradient is not a number; the weights and moments are as they were.
   */
  optimizerStep({ learningRate }: { readonly learningRate?: number | undefined } = {}): OptimizerStep {
    this.#gradients.settle();
    const { flat, tensors } = this.#gradients;
    const gradNorm = normOfRows(Object.values(tensors).map(({ data, shape }) => rowSquares(data, shape)));
    if (!Number.isFinite(gradNorm)) {
      const broken = Object.entries(tensors).filter(([, { data }]) => !data.every(Number.isFinite));
      this.zeroGradients();
      throw new NonFiniteGradientError({ gradNorm, step: this.#steps + 1, parameters: broken.map(([name]) => name) });
    }
    scale(flat, clipFactor(gradNorm, this.#options.maxGradNorm ?? 1));
    this.#frozenStates.beforeChange(this.#changing);
    const rate = learningRate ?? this.#learningRate * scheduleFactor(this.#schedule, this.#optimizer.steps);
    this.#optimizer.step(this.#weightArena.flat, flat, rate, this.#plan.ranges);
    this.#steps++;
    this.#gradients.drop();
    return { gradNorm, learningRate: rate };
  }

  /** Drops the gradients. */
  zeroGradients(): void {
    this.#gradients.flat.fill(0);
    this.#gradients.drop();
  }

  /** Starts a new phase: moments 0, the schedule from its first step. The weights stay. */
  resetOptimizer(schedule: Schedule = this.#schedule): void {
    this.#frozenStates.beforeChange(this.#changing);
    this.#optimizer.reset();
    this.#schedule = schedule;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#passes[Symbol.asyncDispose]();
  }
}

/** The second matrix of an adapter: where it is 0, the adapter adds nothing. */
const isAdapterOutput = (name: string): boolean => name.endsWith('.lora_B.weight');

function zerosLike(tensors: Weights, isWanted: (name: string) => boolean): Weights {
  const wanted = Object.entries(tensors).filter(([name]) => isWanted(name));
  return Object.fromEntries(
    wanted.map(([name, { shape, data }]) => [name, tensor('float32', shape, new Float32Array(data.length))]),
  );
}
