import { initializeLora } from '@forge/models';
import { type ActorMesh, endpoint } from '@forge/monarch';
import type { Tensor } from '@forge/tensor';
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
import { type NamedRows, rowsIn } from './parameter-shard.ts';
import { GivingActor } from './peers.ts';
import type { BytesHeld, HeldWeights, RankEngine, Strategy } from './rank-engine.ts';

/** Options of all ranks of a {@link ParallelTrainer}. */
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

/** One of several processes that train one model together; {@link ParallelTrainer} leads them. */
export class TrainerRank extends GivingActor {
  static readonly module: string = import.meta.url;
  readonly #options: ParallelOptions;
  #engine: RankEngine | undefined;
  #schedule: Schedule;
  #steps = 0;

  constructor(options: ParallelOptions) {
    super();
    this.#options = options;
    this.#schedule = options.schedule ?? { kind: 'constant' };
  }

  override async setup(): Promise<void> {
    const { model, lora, entropyBonus = 0, strategy = 'dataParallel', ...training } = this.#options;
    const { rank, extent } = this.context.point;
    const { config, weights: ofModel } = await readModel(model);
    const plan = planParameters(config, this.#options);
    this.#engine = await openEngine({
      config,
      plan,
      training,
      passes: {
        ...computeOptions(training),
        trainable: plan.trained.map(({ name }) => name),
        entropy: entropyBonus !== 0,
        ...(lora && { lora }),
      },
      strategy,
      rank,
      numRanks: extent.size,
      offers: this.offers,
    });
    const weights = lora === undefined ? ofModel : { ...ofModel, ...initializeLora(config, lora, lora.seed ?? 0) };
    for (const { name, firstRow, rows } of this.rows()) {
      const { data, shape } = weights[name]!; // the plan is of the same model
      const width = data.length / (shape[0] ?? 1);
      rows.data.set(data.subarray(firstRow * width, firstRow * width + rows.data.length));
    }
  }

  override async cleanup(): Promise<void> {
    await this.#engine?.[Symbol.asyncDispose]();
  }

  /** Where others read the weights of this rank. */
  readonly heldWeights = endpoint((): HeldWeights => this.engine.heldWeights());

  /** Makes the ranks known to this one. */
  readonly connect = endpoint((ranks: ActorMesh<GivingActor, 'rank'>, held: readonly HeldWeights[]): void => {
    this.engine.connect(ranks, held);
  });

  /** Runs the share of this rank in a step. All ranks get the same batch. */
  readonly backward = endpoint(async (batch: StepBatch): Promise<RankBackward> => {
    const { entropyBonus = 0 } = this.#options;
    const plan = planStep(batch, { ...this.#options, packing: packOptions(this.#options), entropyBonus });
    await this.engine.backward(plan, this.#steps);
    const places = [...plan.collected];
    return {
      places,
      logProbs: places.map((b) => plan.scores.logProbs[b]!), // places of the batch
      entropy: places.map((b) => plan.scores.entropy[b]!),
      squares: this.engine.trained.gradientSquares(),
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
    const { trained } = this.engine;
    const rate =
      learningRate ?? (optimizer?.learningRate ?? DEFAULT_RATE) * scheduleFactor(this.#schedule, trained.phaseSteps);
    trained.step({ factor: clipFactor(gradNorm, maxGradNorm), learningRate: rate });
    this.engine.drop();
    this.#steps++;
    return { gradNorm, learningRate: rate };
  });

  /** Fetches what this rank needs of the weights of others; `all`: also of those that no step changes. */
  readonly refresh = endpoint((all: boolean): Promise<void> => this.engine.refresh({ all }));

  /** Drops the gradients of a step that is not to be. */
  readonly drop = endpoint((): void => this.engine.drop());

  /** Optimiser steps since the model was first opened. */
  readonly steps = endpoint((): number => this.#steps);

  /** The rows of all weights that this rank answers for, copied. */
  readonly getRows = endpoint((): readonly NamedRows<Tensor<'float32'>>[] => this.rows());

  /** Names of weights with numbers that are not finite, among the rows that this rank answers for. */
  readonly nonFiniteWeights = endpoint((): readonly string[] =>
    this.rows().flatMap(({ name, rows }) => (rows.data.every(Number.isFinite) ? [] : [name])),
  );

  /** Starts a new phase: moments 0 and the schedule from its first step. */
  readonly resetOptimizer = endpoint((schedule?: Schedule): void => {
    this.engine.trained.reset();
    this.#schedule = schedule ?? this.#schedule;
  });

  readonly bytesHeld = endpoint((): BytesHeld => this.engine.bytesHeld);

  /** Views of what this rank answers for: each row of each weight is with one rank. */
  protected rows(): readonly NamedRows<Tensor<'float32'>>[] {
    const { shard, weights } = this.engine.trained;
    const trained = shard.pieces.map((piece) => ({
      name: piece.parameter.name,
      firstRow: piece.firstRow,
      rows: rowsIn(weights, piece),
    }));
    return [...trained, ...this.engine.frozen];
  }

  protected get engine(): RankEngine {
    // The mesh delivers no call before setup() is done.
    return this.#engine!;
  }
}
