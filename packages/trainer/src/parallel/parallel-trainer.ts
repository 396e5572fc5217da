import { loadConfig, type ModelConfig, type SavedModel, type Weights } from '@forge/models';
import type { ProcMesh } from '@forge/monarch';
import { tensor } from '@forge/tensor';
import { checkStepOptions, checkTrainingOptions } from '../check-options.ts';
import {
  CheckpointSaveError,
  NonFiniteGradientError,
  NonFiniteLossError,
  NotConfiguredError,
  RankFailedError,
  TrainerOptionError,
} from '../errors.ts';
import { normOfRows } from '../optimizer/row-squares.ts';
import type { Schedule } from '../optimizer/schedule.ts';
import { allocateScores, type Scores } from '../packing/scores.ts';
import { checkSequences, type Sequence } from '../packing/sequence.ts';
import { type ParameterPlan, planParameters } from '../parameter-groups.ts';
import { recordStep } from '../record-step.ts';
import { checkLoss, firstNonFinite, type StepResult, scoredLoss, type Targets } from '../step-batch.ts';
import { RankCalls } from './rank-calls.ts';
import type { BytesHeld, Strategy } from './rank-engine.ts';
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
  readonly #calls: RankCalls;
  readonly #config: ModelConfig;
  readonly #plan: ParameterPlan;
  readonly #options: ParallelOptions;

  private constructor(
    calls: RankCalls,
    options: ParallelOptions,
    { config, plan }: { readonly config: ModelConfig; readonly plan: ParameterPlan },
  ) {
    this.#calls = calls;
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
    const calls = new RankCalls(ranks);
    try {
      const held = await calls.all((each) => each.heldWeights.call());
      await calls.all((each) => each.connect.call(ranks, held));
      await calls.all((each) => each.refresh.call(true));
      return new ParallelTrainer(calls, options, { config, plan });
    } catch (error) {
      await ranks.stop();
      throw error;
    }
  }

  /** How many ranks there are. */
  get numRanks(): number {
    return this.#calls.numRanks;
  }

  /** One optimiser step of all ranks; throws as `trainStep` does, with no weight changed. */
  trainStep(inputs: readonly Sequence[], targets: Targets): Promise<StepResult> {
    return this.#calls.inOrder(async () => {
      const start = performance.now();
      checkLoss({ inputs, targets }, this.#options);
      checkSequences(inputs, this.#config);
      const parts = await this.#calls.all((ranks) => ranks.backward.call({ inputs, targets }));
      const scored = scoredLoss({ inputs, targets }, joinScores(inputs, parts), this.#options);
      const step = (await this.#calls.all((ranks) => ranks.steps.call()))[0]! + 1; // there is one rank at least
      if (!Number.isFinite(scored.loss)) {
        await this.#calls.all((ranks) => ranks.drop.call());
        const from = firstNonFinite(targets) ?? (await this.#firstNonFiniteWeight());
        throw new NonFiniteLossError({ loss: scored.loss, step, sequences: inputs.length, from });
      }
      const squares = this.#squares(parts);
      const gradNorm = normOfRows(squares.values());
      if (!Number.isFinite(gradNorm)) {
        await this.#calls.all((ranks) => ranks.drop.call());
        const broken = [...squares].filter(([, rows]) => !rows.every(Number.isFinite));
        throw new NonFiniteGradientError({ gradNorm, step, parameters: broken.map(([name]) => name) });
      }
      const learningRate = targets.loss === 'sft' ? targets.learningRate : undefined;
      const [taken] = await this.#calls.all((ranks) => ranks.step.call(gradNorm, learningRate));
      await this.#calls.all((ranks) => ranks.refresh.call(false));
      const result = { ...scored, ...taken!, step }; // there is one rank at least
      recordStep(result, performance.now() - start);
      return result;
    });
  }

  /** A copy of the weights of now, those of adapters included: all of them in this process. */
  getWeights(): Promise<Weights> {
    return this.#calls.inOrder(async () => {
      const { trained, frozen } = this.#plan;
      const weights = Object.fromEntries(
        [...trained, ...frozen].map(({ name, shape }) => [name, tensor('float32', shape)]),
      );
      for (const { name, firstRow, rows } of (await this.#calls.all((ranks) => ranks.getRows.call())).flat()) {
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
    return this.#calls.inOrder(async () => {
      if (this.#options.store === undefined) throw new NotConfiguredError('store', 'pushWeights');
      await this.#calls.all((ranks) => ranks.pushWeights.call(version), { isApart: true });
    });
  }

  /**
   * Writes everything that the next step depends on, each rank its rows: the folder that `saveCheckpoint` of one process
   * writes, byte for byte. Ranks must share the file system. No step is taken meanwhile.
   *
   * @throws {CheckpointSaveError} when it cannot be written; nothing of it is left then.
   */
  saveCheckpoint(folder: string): Promise<void> {
    return this.#calls.inOrder(async () => {
      try {
        const unfinished = await this.#calls.first((rank) => rank.prepareCheckpoint.callOne(folder));
        await this.#calls.all((ranks) => ranks.writeCheckpointRows.call(unfinished), { isApart: true });
        await this.#calls.first((rank) => rank.completeCheckpoint.callOne(folder, unfinished));
      } catch (error) {
        if (error instanceof RankFailedError) throw error;
        await this.#calls.first((rank) => rank.abandonCheckpoint.callOne(folder));
        throw new CheckpointSaveError(folder, error);
      }
    });
  }

  /**
   * Goes back, or on, to where a checkpoint was written, by whatever number of ranks: the steps that follow are the same.
   *
   * @throws {CheckpointError} when the folder is not a complete checkpoint of this model; nothing has changed then.
   */
  loadCheckpoint(folder: string): Promise<void> {
    return this.#calls.inOrder(async () => {
      const { found, progress } = await this.#calls.first((rank) => rank.checkCheckpoint.callOne(folder));
      await this.#calls.all((ranks) => ranks.readCheckpoint.call(found, progress));
      await this.#calls.all((ranks) => ranks.refresh.call(true));
    });
  }

  /**
   * Writes a model folder with the weights of now, adapters merged, and the tokenizer of the model that was opened: each rank
   * its rows. Ranks must share the file system.
   *
   * @param dtype - @default the one that the model was stored in
   */
  saveWeights(folder: string, dtype?: SavedModel['dtype']): Promise<void> {
    return this.#calls.inOrder(async () => {
      const unfinished = await this.#calls.first((rank) => rank.prepareWeights.callOne(folder, dtype));
      await this.#calls.all((ranks) => ranks.writeWeightRows.call(unfinished), { isApart: true });
      await this.#calls.first((rank) => rank.completeWeights.callOne(folder, dtype));
    });
  }

  /** Optimiser steps taken, those before a checkpoint that was loaded included. */
  steps(): Promise<number> {
    return this.#calls.inOrder(async () => (await this.#calls.all((ranks) => ranks.steps.call()))[0]!); // there is one rank at least
  }

  /** Starts a new phase: moments 0 and the schedule, another one if given, from its first step. The weights stay. */
  resetOptimizer(schedule?: Schedule): Promise<void> {
    return this.#calls.inOrder(
      async () => void (await this.#calls.all((ranks) => ranks.resetOptimizer.call(schedule))),
    );
  }

  /** What each rank holds of what grows with the model. */
  bytesHeld(): Promise<readonly BytesHeld[]> {
    return this.#calls.inOrder(() => this.#calls.all((ranks) => ranks.bytesHeld.call()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#calls[Symbol.asyncDispose]();
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
    const names = (await this.#calls.all((ranks) => ranks.nonFiniteWeights.call())).flat();
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
