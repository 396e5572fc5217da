import { loraStateDict, type SavedModel, saveLora, saveModel, type Weights } from '@forge/models';
import { endpoint } from '@forge/monarch';
import { drainMetrics, type Metrics, recordMetric, watchEventLoop } from '@forge/observability';
import { ForgeActor } from '@forge/service';
import { attachStore, policyVersionPrefix, type Store, type StoreReference } from '@forge/torchstore';
import { checkCheckpointOptions, checkStepOptions } from './check-options.ts';
import { loadCheckpoint, saveCheckpoint } from './checkpoint/checkpoint.ts';
import { CheckpointSeries } from './checkpoint/checkpoint-series.ts';
import { NotConfiguredError } from './errors.ts';
import { mixWeights } from './mix-weights.ts';
import { openTraining, readModel } from './open-training.ts';
import type { Schedule } from './optimizer/schedule.ts';
import type { Scores } from './packing/scores.ts';
import type { Sequence } from './packing/sequence.ts';
import { recordStep } from './record-step.ts';
import type { GrpoTargets, StepOptions, StepResult, Targets } from './step-batch.ts';
import { type BatchResult, type BatchUse, checkBatchUse, trainBatch } from './train-batch.ts';
import { trainStep } from './train-step.ts';
import type { Training } from './training.ts';
import type { ForwardOptions, TrainingOptions } from './training-options.ts';

export interface TrainerOptions extends TrainingOptions, StepOptions {
  /** A Hugging Face folder, or the name of a model on its hub. */
  readonly model: string;
  /** Where weights are pushed to. @default none; `pushWeights` fails */
  readonly store?: StoreReference;
  /** How `trainBatch` uses a batch. @default one step on the whole of it */
  readonly batches?: BatchUse;
  /** Checkpoints that the trainer writes of its own accord, beside the steps that follow. @default none */
  readonly checkpoints?: TrainerCheckpoints;
}

export interface TrainerCheckpoints {
  /** Holds one folder a checkpoint, `step-0000000012`. */
  readonly folder: string;
  /** @default 100 */
  readonly everySteps?: number;
  /** The newest checkpoints that are kept. @default 2 */
  readonly keep?: number;
  /** Goes on from the newest checkpoint that is complete, if there is one. @default 'none' */
  readonly resume?: 'latest' | 'none';
}

/** Trains one model: takes batches, hands out weights. Source: torchforge `TitanTrainer`. */
export class Trainer extends ForgeActor {
  static readonly module: string = import.meta.url;
  readonly #options: TrainerOptions;
  #training: Training | undefined;
  #store: Store | undefined;
  #series: CheckpointSeries | undefined;
  #eventLoop: Disposable | undefined;
  #saving: Promise<unknown> = Promise.resolve();

  constructor(options: TrainerOptions) {
    super();
    this.#options = options;
  }

  override async setup(): Promise<void> {
    const { model, store, checkpoints } = this.#options;
    checkStepOptions(this.#options);
    checkBatchUse(this.#options.batches ?? {});
    if (checkpoints !== undefined) checkCheckpointOptions(checkpoints);
    this.#training = await openTraining(model, this.#options);
    this.#eventLoop = watchEventLoop('rl_trainer_perf');
    if (checkpoints !== undefined) {
      const { folder, keep, resume } = checkpoints;
      this.#series = new CheckpointSeries(folder, { tokenizerFolder: model, ...(keep !== undefined && { keep }) });
      if (resume === 'latest') await this.#series.resumeLatest(this.#training);
    }
    if (store !== undefined) this.#store = attachStore(store);
  }

  override async cleanup(): Promise<void> {
    this.#eventLoop?.[Symbol.dispose]();
    await this.#saving.catch(() => undefined); // told by the step after it
    await this.#training?.[Symbol.asyncDispose]();
    await this.#store?.[Symbol.asyncDispose]();
  }

  /** One optimiser step on a batch, whatever the number of micro-batches; see {@link trainStep} for what it throws. */
  readonly trainStep = endpoint(async (inputs: readonly Sequence[], targets: Targets): Promise<StepResult> => {
    const start = performance.now();
    const result = await trainStep(this.training, { inputs, targets }, this.#options);
    await this.#checkpoint(result.step);
    recordStep(result, performance.now() - start);
    return result;
  });

  /** Every optimiser step that `batches` asks for on one batch; see {@link trainBatch}. */
  readonly trainBatch = endpoint(async (inputs: readonly Sequence[], targets: GrpoTargets): Promise<BatchResult> => {
    const start = performance.now();
    const { batches, ...options } = this.#options;
    const result = await trainBatch(this.training, { inputs, targets }, { ...options, ...batches });
    await this.#checkpoint(result.step);
    recordStep(result, performance.now() - start);
    return result;
  });

  /** Log-probability and entropy of every token under the weights of now. @throws {BatchError} */
  readonly forward = endpoint(
    (inputs: readonly Sequence[], options: ForwardOptions = {}): Promise<Scores> =>
      this.training.forward(inputs, options),
  );

  /** Puts all weights into the store as policy `version`, under `policy_ver_%010d.<name>`. @throws {NotConfiguredError} */
  readonly pushWeights = endpoint(async (version: number): Promise<void> => {
    if (this.#store === undefined) throw new NotConfiguredError('store', 'pushWeights');
    const start = performance.now();
    await this.#store.putStateDict(policyVersionPrefix(version), this.training.mergedWeights());
    recordMetric('rl_trainer_perf/push_weights/total_duration_ms', performance.now() - start);
  });

  /**
   * Stores the adapters alone as a version of the policy: a generator merges them into the weights of the folder.
   *
   * @throws {NotConfiguredError} without the option `lora`, or without a store
   */
  readonly pushAdapters = endpoint(async (version: number): Promise<void> => {
    if (this.#store === undefined) throw new NotConfiguredError('store', 'pushAdapters');
    const { config, lora, weights } = this.training;
    if (lora === undefined) throw new NotConfiguredError('lora', 'pushAdapters');
    const start = performance.now();
    await this.#store.putStateDict(policyVersionPrefix(version), { ...loraStateDict(config, { lora, weights }) });
    recordMetric('rl_trainer_perf/push_weights/total_duration_ms', performance.now() - start);
  });

  /**
   * Writes a model folder with the weights of now, adapters merged, and the tokenizer of the model that was opened.
   *
   * @param dtype - @default the one that the model was stored in
   */
  readonly saveWeights = endpoint(async (folder: string, dtype?: SavedModel['dtype']): Promise<void> => {
    const training = this.training;
    const saved = { config: training.config, weights: training.mergedWeights(), tokenizerFolder: this.#options.model };
    await saveModel(folder, { ...saved, ...(dtype && { dtype }) });
  });

  /**
   * Writes a model folder with `share` of the weights of now in each weight, and the rest from the model of another folder: what
   * follows this model slowly. In float32, which small changes do not get lost in.
   */
  readonly saveMixture = endpoint(async (folder: string, other: string, share: number): Promise<void> => {
    const { config } = this.training;
    const { weights: before } = await readModel(other);
    const mixed = mixWeights(before, this.training.mergedWeights(), share);
    await saveModel(folder, { config, weights: mixed, tokenizerFolder: this.#options.model, dtype: 'float32' });
  });

  /** Writes the adapters in PEFT's format. @throws {NotConfiguredError} without the option `lora` */
  readonly saveAdapters = endpoint(async (folder: string): Promise<void> => {
    const { config, lora, weights } = this.training;
    if (lora === undefined) throw new NotConfiguredError('lora', 'saveAdapters');
    await saveLora(folder, { config, lora, weights, modelName: this.#options.model });
  });

  /** Writes everything that the next step depends on; see {@link saveCheckpoint}. */
  readonly saveCheckpoint = endpoint(
    (folder: string): Promise<void> => saveCheckpoint(folder, this.training, this.#options.model),
    // The state is that of the call: steps go on beside it.
    { concurrency: Number.POSITIVE_INFINITY },
  );

  /** Goes back to where a checkpoint was written. @throws {CheckpointError} and changes nothing */
  readonly loadCheckpoint = endpoint((folder: string): Promise<void> => loadCheckpoint(folder, this.training));

  /** A copy of the weights of now, adapters merged. */
  readonly getWeights = endpoint((): Weights => this.training.mergedWeights());

  /** Starts a new phase: moments 0 and the schedule, another one if given, from its first step. The weights stay. */
  readonly resetOptimizer = endpoint((schedule?: Schedule): void => {
    this.training.resetOptimizer(schedule);
  });

  /** What was recorded in this process since the last time; for `observe` of a `MetricLogger`. */
  readonly drainMetrics = endpoint((): Metrics => drainMetrics(), { concurrency: Number.POSITIVE_INFINITY });

  /** Begins a checkpoint where one is due; waits for the one before it, whose failure is that of this step. */
  async #checkpoint(step: number): Promise<void> {
    const { everySteps = 100 } = this.#options.checkpoints ?? {};
    if (this.#series === undefined || step % everySteps !== 0) return;
    await this.#saving;
    this.#saving = this.#series.save(this.training);
    this.#saving.catch(() => undefined); // the next checkpoint and finishCheckpoints tell of it
  }

  /** Waits for the checkpoint that is being written, if there is one; rejects when it failed. */
  readonly finishCheckpoints = endpoint(async (): Promise<void> => {
    await this.#saving;
  });

  /** Optimiser steps taken, those before a checkpoint that was resumed included. */
  readonly steps = endpoint((): number => this.training.steps);

  protected get stepOptions(): StepOptions {
    return this.#options;
  }

  /** What this actor trains. */
  protected get training(): Training {
    // The mesh delivers no call before setup() is done.
    return this.#training!;
  }
}
