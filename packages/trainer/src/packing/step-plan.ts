import type { Floats } from '../losses/loss.ts';
import { movesWithoutAdvantage } from '../losses/policy.ts';
import type { PickScores, PickWeights } from '../passes/passes.ts';
import { countTokens, lossOf, lossOptionsOf, pick, type StepBatch, type StepOptions } from '../step-batch.ts';
import { type MicroBatch, type PackOptions, pack } from './pack.ts';
import { allocateScores, collectScores, type Scores } from './scores.ts';
import { weighPicks } from './token-weights.ts';

export interface StepPlanOptions extends StepOptions {
  readonly packing: PackOptions;
  readonly entropyBonus: number;
}

/** The passes of a step: it depends on the batch and the options alone, whoever runs which of them. */
export interface StepPlan {
  /** Micro-batches that backward runs over, in the order in which their gradients add up. */
  readonly learned: readonly MicroBatch[];
  /** Micro-batches that cannot move the policy, and are only scored. */
  readonly scored: readonly MicroBatch[];
  readonly temperature: number;
  /** Of all sequences of the batch; those of micro-batches that were not run here are 0. */
  readonly scores: Scores;
  /** Places in the batch of the sequences whose scores are there. */
  readonly collected: ReadonlySet<number>;
  /** Keeps the scores of a micro-batch. */
  collect(microBatch: MicroBatch, picks: PickScores): void;
  /** Keeps the scores of a micro-batch, and says what each pick weighs in the loss of the whole batch. */
  weigh(microBatch: MicroBatch, picks: PickScores): PickWeights | undefined;
}

/** Packs a batch: what the loss can learn from, and what cannot move the policy. */
export function planStep(batch: StepBatch, { packing, entropyBonus, ...options }: StepPlanOptions): StepPlan {
  const { inputs, targets } = batch;
  const isPolicy = targets.loss === 'grpo';
  const bonus = isPolicy ? entropyBonus : 0;
  const isStill = (b: number): boolean =>
    isPolicy &&
    !movesWithoutAdvantage(lossOptionsOf(targets, options)) &&
    bonus === 0 &&
    isZero(targets.advantages[b]!);
  // What is masked out as a whole is in no micro-batch.
  const masksOf = (isTaken: (b: number) => boolean) =>
    inputs.map(({ tokenIds }, b) => (isTaken(b) ? (targets.masks?.[b] ?? []) : new Uint8Array(tokenIds.length)));
  const scores = allocateScores(inputs);
  const collected = new Set<number>();
  const collect = (microBatch: MicroBatch, picks: PickScores): void => {
    collectScores(microBatch, picks, scores);
    for (const place of microBatch.pickSequence) collected.add(place);
  };
  const entropy = { hasEntropy: entropyBonus !== 0, entropyWeight: -bonus / Math.max(1, countTokens(batch)) };
  return {
    learned: pack(
      inputs,
      packing,
      masksOf((b) => !isStill(b)),
    ),
    scored: pack(inputs, packing, masksOf(isStill)),
    temperature: isPolicy ? (options.temperature ?? 1) : 1,
    scores,
    collected,
    collect,
    weigh: (microBatch, picks) => {
      collect(microBatch, picks);
      const weigh = (some: readonly number[], { logProbs }: Scores) =>
        lossOf(batch, { places: some, logProbs: pick(logProbs, some) }, options).weights;
      return weighPicks(microBatch, { tokenWeights: weigh, scores, ...entropy });
    },
  };
}

const isZero = (advantage: number | Floats): boolean =>
  typeof advantage === 'number' ? advantage === 0 : Array.from(advantage).every((one) => one === 0);
