import { loadConfig, type ModelConfig, type Weights } from '@forge/models';
import type { ActorMesh, OwnedMesh, ProcMesh, Replies } from '@forge/monarch';
import { tensor } from '@forge/tensor';
import { checkStepOptions, checkTrainingOptions } from '../check-options.ts';
import {
  NonFiniteGradientError,
  NonFiniteLossError,
  NotConfiguredError,
  RankFailedError,
  TrainerOptionError,
} from '../errors.ts';
import { normOfRows } from '../optimizer/row-squares.ts';
import type { Schedule } from '../optimizer/schedule.ts';
import { type ParameterPlan, planParameters } from '../parameter-groups.ts';
import { allocateScores, type Scores } from '../scores.ts';
import { checkSequences, type Sequence } from '../sequence.ts';
import { checkTargets, firstNonFinite, type StepResult, scoredLoss, type Targets } from '../step-batch.ts';
import type { BytesHeld, Strategy } from './rank-engine.ts';
import { hasEnded, valuesOf } from './rank-failure.ts';
import { type ParallelOptions, type RankBackward, TrainerRank } from './trainer-rank.ts';

/**
 * Trains one model on several processes. Whatever their number and the strategy, the numbers are those of one `Training`.
 *
 * ```text
 * batch ─▶ backward ─────────▶ scores ─▶ loss, norm ─▶ step ─────▶ refresh
 *          each rank its share          (here)         each rank   what ranks have of
 *          gradients to who steps them                 its shard   each other's weights
 * ```
 *
 * When a rank fails, the call and all later ones reject with its {@link RankFailedError}: open another trainer, on as many
 * ranks as are left, and load the last checkpoint.
 */
export class ParallelTrainer implements AsyncDisposable {
  readonly #ranks: OwnedMesh<TrainerRank, 'rank'>;
  readonly #config: ModelConfig;
  readonly #plan: ParameterPlan;
  readonly #options: ParallelOptions;
  #last: Promise<unknown> = Promise.resolve();
  #failure: RankFailedError | undefined;

  private constructor(
    ranks: OwnedMesh<TrainerRank, 'rank'>,
    options: ParallelOptions,
    { config, plan }: { readonly config: ModelConfig; readonly plan: ParameterPlan },
  ) {
    this.#ranks = ranks;
    this.#config = config;
    this.#plan = plan;
    this.#options = options;
  }

  /**
   * Starts a rank on each process of a mesh. They end with the trainer; the processes stay.
   *
   * @throws {TrainerOptionError} when an option is outside its range, before anything is started.
   */
  static async open(procs: ProcMesh<string>, options: ParallelOptions): Promise<ParallelTrainer> {
    checkStepOptions(options);
    checkTrainingOptions(options);
    const config = await loadConfig(options.model);
    const plan = planParameters(config, options);
    checkStrategy(options, procs.length, config);
    const ranks = await procs.flatten('rank').spawn('trainer ranks', TrainerRank, options);
    try {
      const trainer = new ParallelTrainer(ranks, options, { config, plan });
      const held = await trainer.#ask((each) => each.heldWeights.call());
      await trainer.#ask((each) => each.connect.call(ranks, held));
      await trainer.#ask((each) => each.refresh.call(true));
      return trainer;
    } catch (error) {
      await ranks.stop();
      throw error;
    }
  }

  /** How many ranks there are. */
  get numRanks(): number {
    return this.#ranks.length;
  }

  /** One optimiser step of all ranks; throws as `trainStep` does, with no weight changed. */
  trainStep(inputs: readonly Sequence[], targets: Targets): Promise<StepResult> {
    return this.#inOrder(async () => {
      checkTargets({ inputs, targets });
      checkSequences(inputs, this.#config);
      const parts = await this.#ask((ranks) => ranks.backward.call({ inputs, targets }));
      const scored = scoredLoss({ inputs, targets }, joinScores(inputs, parts), this.#options);
      const step = (await this.#ask((ranks) => ranks.steps.call()))[0]! + 1; // there is one rank at least
      if (!Number.isFinite(scored.loss)) {
        await this.#ask((ranks) => ranks.drop.call());
        const from = firstNonFinite(targets) ?? (await this.#firstNonFiniteWeight());
        throw new NonFiniteLossError({ loss: scored.loss, step, sequences: inputs.length, from });
      }
      const squares = this.#squares(parts);
      const gradNorm = normOfRows(squares.values());
      if (!Number.isFinite(gradNorm)) {
        await this.#ask((ranks) => ranks.drop.call());
        const broken = [...squares].filter(([, rows]) => !rows.every(Number.isFinite));
        throw new NonFiniteGradientError({ gradNorm, step, parameters: broken.map(([name]) => name) });
      }
      const learningRate = targets.loss === 'sft' ? targets.learningRate : undefined;
      const [taken] = await this.#ask((ranks) => ranks.step.call(gradNorm, learningRate));
      await this.#ask((ranks) => ranks.refresh.call(false));
      return { ...scored, ...taken!, step };
    });
  }

  /** A copy of the weights of now, those of adapters included: all of them in this process. */
  getWeights(): Promise<Weights> {
    return this.#inOrder(async () => {
      const { trained, frozen } = this.#plan;
      const weights = Object.fromEntries(
        [...trained, ...frozen].map(({ name, shape }) => [name, tensor('float32', shape)]),
      );
      for (const { name, firstRow, rows } of (await this.#ask((ranks) => ranks.getRows.call())).flat()) {
        const { data, shape } = weights[name]!; // the plan is of the same model
        data.set(rows.data, (firstRow * data.length) / (shape[0] ?? 1));
      }
      return weights;
    });
  }

  /**
   * Puts all weights, adapters merged, into the store as policy `version`, under `policy_ver_%010d.<name>`: each rank its own
   * rows, which the store joins for whoever reads them.
   *
   * @throws {NotConfiguredError} without the option `store`
   */
  pushWeights(version: number): Promise<void> {
    return this.#inOrder(async () => {
      if (this.#options.store === undefined) throw new NotConfiguredError('store', 'pushWeights');
      await this.#ask((ranks) => ranks.pushWeights.call(version), { isApart: true });
    });
  }

  /** Starts a new phase: moments 0 and the schedule, another one if given, from its first step. The weights stay. */
  resetOptimizer(schedule?: Schedule): Promise<void> {
    return this.#inOrder(async () => void (await this.#ask((ranks) => ranks.resetOptimizer.call(schedule))));
  }

  /** What each rank holds of what grows with the model. */
  bytesHeld(): Promise<readonly BytesHeld[]> {
    return this.#inOrder(() => this.#ask((ranks) => ranks.bytesHeld.call()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ranks.stop();
  }

  /** Calls do not overlap: a step is several calls of all ranks. */
  #inOrder<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined); // told to the caller
    return result;
  }

  /** @param isApart - it leaves the training as it is: what it throws is thrown here, unless a rank has ended. */
  async #ask<Value>(
    call: (ranks: ActorMesh<TrainerRank, 'rank'>) => Replies<Value, 'rank'>,
    { isApart = false }: { readonly isApart?: boolean } = {},
  ): Promise<readonly Value[]> {
    if (this.#failure !== undefined) throw this.#failure;
    const outcomes = (await call(this.#ranks).settled()).toArray();
    try {
      return valuesOf(outcomes);
    } catch (error) {
      if (!(error instanceof RankFailedError)) throw error;
      if (isApart && !hasEnded(error)) throw error.cause;
      this.#failure = error;
      throw error;
    }
  }

  /** Squares of the rows of each weight that is trained, in the order of the model. */
  #squares(parts: readonly RankBackward[]): ReadonlyMap<string, Float64Array> {
    const rows = Map.groupBy(
      parts.flatMap(({ squares }) => squares),
      ({ name }) => name,
    );
    return new Map(
      this.#plan.trained.map(({ name }) => {
        const pieces = rows.get(name)!.toSorted((a, b) => a.firstRow - b.firstRow); // each row is with some rank
        return [name, Float64Array.from(pieces.flatMap((piece) => [...piece.rows]))];
      }),
    );
  }

  async #firstNonFiniteWeight(): Promise<string | undefined> {
    const names = (await this.#ask((ranks) => ranks.nonFiniteWeights.call())).flat();
    const first = [...this.#plan.trained, ...this.#plan.frozen].find(({ name }) => names.includes(name));
    return first && `the weight ${first.name} has numbers that are not finite`;
  }
}

const strategies: readonly Strategy[] = ['dataParallel', 'fullyShard', 'pipeline'];

function checkStrategy({ strategy = 'dataParallel' }: ParallelOptions, numRanks: number, config: ModelConfig): void {
  // Options may come from a file, where nothing checked their spelling.
  if (!strategies.includes(strategy))
    throw new TrainerOptionError('strategy', strategy, `one of ${strategies.join(', ')}`);
  const { numHiddenLayers } = config;
  if (strategy !== 'pipeline' || numRanks <= numHiddenLayers) return;
  const expected = `on at most ${numHiddenLayers} ranks, as the model has as many layers; there are ${numRanks}`;
  throw new TrainerOptionError('strategy', strategy, expected);
}

function joinScores(inputs: readonly Sequence[], parts: readonly RankBackward[]): Scores {
  const scores = allocateScores(inputs);
  for (const { places, logProbs, entropy } of parts) {
    for (const [i, b] of places.entries()) {
      scores.logProbs[b]!.set(logProbs[i]!); // one row a place
      scores.entropy[b]!.set(entropy[i]!);
    }
  }
  return scores;
}
