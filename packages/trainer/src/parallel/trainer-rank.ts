import { initializeLora, type ModelConfig } from '@forge/models';
import { type ActorMesh, endpoint } from '@forge/monarch';
import type { Tensor } from '@forge/tensor';
import { attachStore, policyVersionPrefix, type Store } from '@forge/torchstore';
import { NotConfiguredError } from '../errors.ts';
import { readModel } from '../open-training.ts';
import { clipFactor } from '../optimizer/clip.ts';
import { type Schedule, scheduleFactor } from '../optimizer/schedule.ts';
import { DEFAULT_RATE, planParameters } from '../parameter-groups.ts';
import type { Scores } from '../scores.ts';
import type { StepBatch } from '../step-batch.ts';
import { planStep } from '../step-plan.ts';
import type { TrainerOptions } from '../trainer.ts';
import { computeOptions, packOptions } from '../training-options.ts';
import type { OptimizerStep } from '../training-state.ts';
import { openEngine } from './open-engine.ts';
import type { NamedRows } from './parameter-shard.ts';
import { GivingActor } from './peers.ts';
import { publishWeights } from './publish-weights.ts';
import type { BytesHeld, HeldWeights, RankEngine, Strategy } from './rank-engine.ts';

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
  readonly config: ModelConfig;
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
    const { config, weights: ofModel } = await readModel(model);
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
    this.#opened = { config, engine, store: store && attachStore(store) };
    const weights = lora === undefined ? ofModel : { ...ofModel, ...initializeLora(config, lora, lora.seed ?? 0) };
    for (const { name, firstRow, rows } of engine.rows) {
      const { data, shape } = weights[name]!; // the plan is of the same model
      const start = (firstRow * data.length) / (shape[0] ?? 1);
      rows.data.set(data.subarray(start, start + rows.data.length));
    }
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
    const { store, config, engine } = this.#opened!; // the mesh delivers no call before setup() is done
    if (store === undefined) throw new NotConfiguredError('store', 'pushWeights');
    const { rank, extent } = this.context.point;
    const participant = { rank, ranks: extent.size };
    await using transaction = await store.begin(policyVersionPrefix(version), { participant });
    await publishWeights({ config, lora: this.#options.lora }, engine, (pieces) =>
      transaction.putBatch(
        Object.fromEntries(
          pieces.map(({ parameter: { name, shape }, local, region }) => [name, { local, globalShape: shape, region }]),
        ),
      ),
    );
    await transaction.commit();
  });

  get #engine(): RankEngine {
    return this.#opened!.engine; // the mesh delivers no call before setup() is done
  }
}
