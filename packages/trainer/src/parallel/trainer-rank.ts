import { initializeLora, loadConfig, loadWeightRows, resolveModel, type SavedModel } from '@forge/models';
import { type ActorMesh, endpoint } from '@forge/monarch';
import type { Tensor } from '@forge/tensor';
import { attachStore, policyVersionPrefix, type Store } from '@forge/torchstore';
import { abandonFolder } from '../checkpoint/replace-folder.ts';
import { NotConfiguredError } from '../errors.ts';
import { clipFactor } from '../optimizer/clip.ts';
import { type Schedule, scheduleFactor } from '../optimizer/schedule.ts';
import type { Scores } from '../packing/scores.ts';
import { planStep } from '../packing/step-plan.ts';
import { DEFAULT_RATE, planParameters } from '../parameter-groups.ts';
import type { StepBatch } from '../step-batch.ts';
import type { TrainerOptions } from '../trainer.ts';
import { computeOptions, packOptions } from '../training-options.ts';
import type { OptimizerStep, TrainingProgress } from '../training-state.ts';
import { openEngine } from './open-engine.ts';
import type { NamedRows } from './parameter-shard.ts';
import { GivingActor } from './peers.ts';
import { publishWeights } from './publish-weights.ts';
import {
  checkCheckpoint,
  completeCheckpoint,
  completeWeights,
  prepareCheckpoint,
  prepareWeights,
  readCheckpointRows,
  type TrainedModel,
  writeCheckpointRows,
  writeWeightRows,
} from './rank-checkpoint.ts';
import type { BytesHeld, HeldWeights, RankEngine, Strategy } from './rank-engine.ts';
import { rowLength } from './shards.ts';

/** Options of a {@link ParallelTrainer}, the same for all ranks. */
export interface ParallelOptions extends Omit<TrainerOptions, 'checkpoints'> {
  /** @default 'dataParallel' */
  readonly strategy?: Strategy;
}

/** What a rank has computed of a step. */
export interface RankBackward extends Scores {
  /** The sequences of its share, by their places in the batch; the scores are in their order. */
  readonly places: readonly number[];
  /** Of the gradients that it holds. */
  readonly squares: readonly NamedRows<Float64Array>[];
}

interface Opened {
  readonly model: TrainedModel;
  readonly engine: RankEngine;
  readonly store: Store | undefined;
}

/** One of several processes that train one model together; {@link ParallelTrainer} leads them. */
export class TrainerRank extends GivingActor {
  static readonly module: string = import.meta.url;
  readonly #options: ParallelOptions;
  #opened: Opened | undefined;
  #schedule: Schedule;
  #steps = 0;

  constructor(options: ParallelOptions) {
    super();
    this.#options = options;
    this.#schedule = options.schedule ?? { kind: 'constant' };
  }

  override async setup(): Promise<void> {
    const { model, store, lora, entropyBonus = 0, strategy = 'dataParallel', maxLogits } = this.#options;
    const { rank, extent } = this.context.point;
    const folder = await resolveModel(model);
    const config = await loadConfig(folder);
    const plan = planParameters(config, this.#options);
    const passes = {
      ...computeOptions(this.#options),
      trainable: plan.trained.map(({ name }) => name),
      entropy: entropyBonus !== 0,
      ...(lora && { lora }),
      ...(maxLogits !== undefined && { maxLogits }),
    };
    const place = { strategy, rank, numRanks: extent.size, offers: this.offers };
    const engine = await openEngine({ config, plan, passes, training: this.#options, ...place });
    this.#opened = {
      model: { config, plan, lora, tokenizerFolder: folder },
      engine,
      store: store && attachStore(store),
    };
    const adapters = lora === undefined ? {} : initializeLora(config, lora, lora.seed ?? 0);
    for (const { name, firstRow, rows } of engine.rows) {
      const whole = adapters[name];
      const start = firstRow * rowLength(rows.shape);
      if (whole !== undefined) rows.data.set(whole.data.subarray(start, start + rows.data.length));
    }
    const ofModel = engine.rows.filter(({ name }) => adapters[name] === undefined);
    await loadWeightRows(ofModel, { folder, config });
  }

  override async cleanup(): Promise<void> {
    await this.#opened?.engine[Symbol.asyncDispose]();
    await this.#opened?.store?.[Symbol.asyncDispose]();
  }

  /** Where others read the weights of this rank. */
  readonly heldWeights = endpoint((): HeldWeights => this.#engine.heldWeights());

  /** Makes the ranks known to this one. */
  readonly connect = endpoint((ranks: ActorMesh<GivingActor, 'rank'>, held: readonly HeldWeights[]): void => {
    this.#engine.connect(ranks, held);
  });

  /** Runs the share of this rank in a step. All ranks get the same batch. */
  readonly backward = endpoint(async (batch: StepBatch): Promise<RankBackward> => {
    const { entropyBonus = 0 } = this.#options;
    const plan = planStep(batch, { ...this.#options, packing: packOptions(this.#options), entropyBonus });
    await this.#engine.backward(plan, this.#steps);
    const places = [...plan.collected];
    return {
      places,
      logProbs: places.map((b) => plan.scores.logProbs[b]!), // places of the batch
      entropy: places.map((b) => plan.scores.entropy[b]!),
      squares: this.#engine.trained.gradientSquares(),
    };
  });

  /**
   * Steps the weights that this rank holds, and drops the gradients.
   *
   * @param gradNorm - of the gradients of all ranks
   * @param learningRate - instead of the one of the schedule
   */
  readonly step = endpoint((gradNorm: number, learningRate: number | undefined): OptimizerStep => {
    const { optimizer, maxGradNorm = 1 } = this.#options;
    const { trained } = this.#engine;
    const rate =
      learningRate ?? (optimizer?.learningRate ?? DEFAULT_RATE) * scheduleFactor(this.#schedule, trained.phaseSteps);
    trained.step({ factor: clipFactor(gradNorm, maxGradNorm), learningRate: rate });
    this.#engine.drop();
    this.#steps++;
    return { gradNorm, learningRate: rate };
  });

  /** Fetches what this rank needs of the weights of others; `all`: also of those that no step changes. */
  readonly refresh = endpoint((all: boolean): Promise<void> => this.#engine.refresh({ all }));

  /** Drops the gradients of a step that is not to be. */
  readonly drop = endpoint((): void => this.#engine.drop());

  /** Optimiser steps since the model was first opened. */
  readonly steps = endpoint((): number => this.#steps);

  /** The rows of all weights that this rank answers for, copied. */
  readonly getRows = endpoint((): readonly NamedRows<Tensor<'float32'>>[] => this.#engine.rows);

  /** Names of weights with numbers that are not finite, among the rows that this rank answers for. */
  readonly nonFiniteWeights = endpoint((): readonly string[] =>
    this.#engine.rows.flatMap(({ name, rows }) => (rows.data.every(Number.isFinite) ? [] : [name])),
  );

  /** Starts a new phase: moments 0 and the schedule from its first step. */
  readonly resetOptimizer = endpoint((schedule?: Schedule): void => {
    this.#engine.trained.reset();
    this.#schedule = schedule ?? this.#schedule;
  });

  /** What of it grows with the model. */
  readonly bytesHeld = endpoint((): BytesHeld => this.#engine.bytesHeld);

  /**
   * Puts the weights that this rank answers for into the store as policy `version`. All ranks do, and they can be read when
   * the last of them has.
   *
   * @throws {NotConfiguredError} without a store
   */
  readonly pushWeights = endpoint(async (version: number): Promise<void> => {
    const { store, model, engine } = this.#opened!; // the mesh delivers no call before setup() is done
    if (store === undefined) throw new NotConfiguredError('store', 'pushWeights');
    const { rank, extent } = this.context.point;
    const participant = { rank, ranks: extent.size };
    await using transaction = await store.begin(policyVersionPrefix(version), { participant });
    await publishWeights(model, engine, (pieces) =>
      transaction.putBatch(
        Object.fromEntries(
          pieces.map(({ parameter: { name, shape }, local, region }) => [name, { local, globalShape: shape, region }]),
        ),
      ),
    );
    await transaction.commit();
  });

  /** Makes the files of a checkpoint for all ranks to write to. @returns where they are until it is complete */
  readonly prepareCheckpoint = endpoint((folder: string): Promise<string> => {
    const { trained } = this.#engine;
    const progress = { steps: this.#steps, phaseSteps: trained.phaseSteps, schedule: this.#schedule };
    return prepareCheckpoint(folder, this.#model, progress);
  });

  readonly writeCheckpointRows = endpoint(
    (unfinished: string): Promise<void> => writeCheckpointRows(unfinished, this.#model, this.#engine),
  );

  readonly completeCheckpoint = endpoint(completeCheckpoint);

  readonly abandonCheckpoint = endpoint(abandonFolder);

  /** Where a checkpoint is, and how far its training was. @throws {CheckpointError} when it is not one of this model */
  readonly checkCheckpoint = endpoint((folder: string) => checkCheckpoint(folder, this.#model));

  /** Goes to where a checkpoint was written that was checked, as far as this rank goes. */
  readonly readCheckpoint = endpoint(async (found: string, progress: TrainingProgress): Promise<void> => {
    await readCheckpointRows(found, this.#model, this.#engine);
    this.#engine.trained.resume(progress.phaseSteps);
    this.#engine.drop();
    this.#schedule = progress.schedule;
    this.#steps = progress.steps;
  });

  /** Makes the weights of a model folder for all ranks to write to. @returns where they are until they are complete */
  readonly prepareWeights = endpoint(
    (folder: string, dtype: SavedModel['dtype']): Promise<string> => prepareWeights(folder, this.#model, dtype),
  );

  readonly writeWeightRows = endpoint(
    (unfinished: string): Promise<void> => writeWeightRows(unfinished, this.#model, this.#engine),
  );

  readonly completeWeights = endpoint(
    (folder: string, dtype: SavedModel['dtype']): Promise<void> => completeWeights(folder, this.#model, dtype),
  );

  get #engine(): RankEngine {
    return this.#opened!.engine; // the mesh delivers no call before setup() is done
  }

  get #model(): TrainedModel {
    return this.#opened!.model; // the mesh delivers no call before setup() is done
  }
}
