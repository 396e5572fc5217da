import type { OwnedMesh } from '@forge/monarch';
import { checkStepOptions } from '../check-options.ts';
import { NonFiniteLossError } from '../errors.ts';
import { allocateScores } from '../scores.ts';
import { inputLength, type Sequence } from '../sequence.ts';
import {
  checkTargets,
  firstNonFinite,
  type StepOptions,
  type StepResult,
  scoredLoss,
  type Targets,
} from '../step-batch.ts';
import type { TrainingOptions } from '../training-options.ts';
import type { TrainerRank } from './trainer-rank.ts';

/** Options that the ranks were spawned with and that the loss depends on. */
export type DataParallelOptions = StepOptions & Pick<TrainingOptions, 'entropyBonus'>;

/**
 * Trains one model on several ranks: each runs backward on a share of the batch, gradients are summed over the data plane, and
 * all take the same step, so that their weights stay equal bit for bit. The numbers are those of one rank, up to rounding.
 *
 * ```text
 * backward ─▶ scores ─▶ loss (here) ─▶ reducePart ─▶ gatherAndStep
 * each rank   of shares                a part each    the other parts
 * ```
 */
export class DataParallelTrainer<D extends string> {
  readonly #ranks: OwnedMesh<TrainerRank, D>;
  readonly #options: DataParallelOptions;

  private constructor(ranks: OwnedMesh<TrainerRank, D>, options: DataParallelOptions) {
    this.#ranks = ranks;
    this.#options = options;
  }

  /**
   * Makes the ranks of a mesh known to each other.
   *
   * @param options - how they were spawned.
   * @throws {TrainerOptionError} when an option is outside its range.
   */
  static async connect<D extends string>(
    ranks: OwnedMesh<TrainerRank, D>,
    options: DataParallelOptions = {},
  ): Promise<DataParallelTrainer<D>> {
    checkStepOptions(options);
    const buffers = (await ranks.exportGradients.call()).toArray();
    await ranks.connect.call(buffers);
    return new DataParallelTrainer(ranks, options);
  }

  /** One optimiser step of all ranks; throws as `trainStep` does, with no weight changed. */
  async trainStep(inputs: readonly Sequence[], targets: Targets): Promise<StepResult> {
    checkTargets({ inputs, targets });
    const shares = shareOut(inputs, this.#ranks.extent.size);
    const parts = (await this.#ranks.backward.call(inputs, targets, shares)).toArray();
    const scores = allocateScores(inputs);
    for (const [rank, places] of shares.entries()) {
      for (const [i, b] of places.entries()) {
        scores.logProbs[b]!.set(parts[rank]!.logProbs[i]!); // one part a share, one row a place
        scores.entropy[b]!.set(parts[rank]!.entropy[i]!);
      }
    }
    const scored = scoredLoss({ inputs, targets }, scores, this.#options);
    const step = (await this.#ranks.steps.call()).get(0) + 1;
    if (!Number.isFinite(scored.loss)) {
      await this.#ranks.dropGradients.call();
      const from = firstNonFinite(targets);
      throw new NonFiniteLossError({ loss: scored.loss, step, sequences: inputs.length, from });
    }
    await this.#ranks.reducePart.call();
    const learningRate = targets.loss === 'sft' ? targets.learningRate : undefined;
    const taken = await this.#ranks.gatherAndStep.call(learningRate);
    return { ...scored, ...taken.get(0), step };
  }
}

/** Whole groups to ranks, the longest first, each to the rank with the fewest tokens. */
export function shareOut(inputs: readonly Sequence[], numRanks: number): readonly (readonly number[])[] {
  const groups = Map.groupBy(inputs.keys(), (b) => inputs[b]!.promptIds.join());
  const sized = [...groups.values()].map((places) => ({
    places,
    tokens: places.reduce((sum, b) => sum + inputLength(inputs[b]!), 0),
  }));
  const shares = Array.from({ length: numRanks }, () => ({ places: [] as number[], tokens: 0 }));
  for (const { places, tokens } of sized.toSorted((a, b) => b.tokens - a.tokens)) {
    const least = shares.reduce((best, share) => (share.tokens < best.tokens ? share : best));
    least.places.push(...places);
    least.tokens += tokens;
  }
  return shares.map(({ places }) => places.toSorted((a, b) => a - b));
}
