import { type Tensor, tensor } from '@forge/tensor';
import type { PickScores } from './passes.ts';

type Floats = Tensor<'float32'>;

/** What a slice of the vocabulary tells of each pick; see `SlicedHeadGraphs`. */
export interface SliceSums {
  readonly max: Floats;
  readonly sum: Floats;
  readonly weighted_sum: Floats;
  /** The logit of the target, where it is in the slice. */
  readonly target: Floats;
}

/** Tensors that one slice writes to. */
export function allocateSums(numPicks: number): SliceSums {
  const ofPicks = (): Floats => tensor('float32', [numPicks]);
  return { max: ofPicks(), sum: ofPicks(), weighted_sum: ofPicks(), target: ofPicks() };
}

/** Adds up over slices, in float64, what log-probabilities and entropies are made of: the sums are kept relative to the largest logit. */
export class LogitSums {
  readonly #max: Float64Array;
  readonly #sum: Float64Array;
  readonly #weightedSum: Float64Array;
  readonly #target: Float64Array;

  constructor(numPicks: number) {
    this.#max = new Float64Array(numPicks).fill(Number.NEGATIVE_INFINITY);
    this.#sum = new Float64Array(numPicks);
    this.#weightedSum = new Float64Array(numPicks);
    this.#target = new Float64Array(numPicks);
  }

  /** @param hasTarget - whether the target of a pick is in this slice. */
  add(slice: SliceSums, hasTarget: (pick: number) => boolean): void {
    for (let pick = 0; pick < this.#max.length; pick++) {
      const [before, of] = [this.#max[pick]!, slice.max.data[pick]!];
      const max = Math.max(before, of);
      const own = relativeTo(max, { max: before, sum: this.#sum[pick]!, weightedSum: this.#weightedSum[pick]! });
      const more = relativeTo(max, {
        max: of,
        sum: slice.sum.data[pick]!,
        weightedSum: slice.weighted_sum.data[pick]!,
      });
      this.#max[pick] = max;
      this.#sum[pick] = own.sum + more.sum;
      this.#weightedSum[pick] = own.weightedSum + more.weightedSum;
      if (hasTarget(pick)) this.#target[pick] = slice.target.data[pick]!;
    }
  }

  scores(): PickScores {
    const ofPicks = (number: (pick: number) => number): Floats =>
      tensor(
        'float32',
        [this.#max.length],
        Float32Array.from(this.#max, (_, pick) => number(pick)),
      );
    const logSum = (pick: number): number => this.#max[pick]! + Math.log(this.#sum[pick]!);
    return {
      log_probs: ofPicks((pick) => this.#target[pick]! - logSum(pick)),
      entropy: ofPicks((pick) => Math.log(this.#sum[pick]!) - this.#weightedSum[pick]! / this.#sum[pick]!),
      log_sums: ofPicks(logSum),
    };
  }
}

interface Sums {
  readonly max: number;
  /** Σ exp(z − max) */
  readonly sum: number;
  /** Σ exp(z − max)·(z − max) */
  readonly weightedSum: number;
}

/** The same sums with a larger number in the place of their own largest one. */
function relativeTo(max: number, sums: Sums): Omit<Sums, 'max'> {
  if (sums.max === Number.NEGATIVE_INFINITY) return { sum: 0, weightedSum: 0 };
  const shift = sums.max - max;
  const factor = Math.exp(shift);
  return { sum: factor * sums.sum, weightedSum: factor * (sums.weightedSum + shift * sums.sum) };
}
