import { endpoint, exportBuffer, type RemoteBuffer } from '@forge/monarch';
import { backwardStep } from '../backward-step.ts';
import type { Scores } from '../scores.ts';
import { checkSequences, type Sequence } from '../sequence.ts';
import type { Targets } from '../step-batch.ts';
import { Trainer } from '../trainer.ts';
import type { OptimizerStep } from '../training-state.ts';

/** One of several trainers of one model; {@link DataParallelTrainer} leads them. */
export class TrainerRank extends Trainer {
  static override readonly module: string = import.meta.url;
  #buffers: readonly RemoteBuffer[] = [];

  /** The gradients of this rank, for the others to read. */
  readonly exportGradients = endpoint((): RemoteBuffer => exportBuffer(this.training.sharedGradients()));

  /** Takes the gradients of all ranks, in their order. */
  readonly connect = endpoint((buffers: readonly RemoteBuffer[]): void => {
    this.#buffers = buffers;
  });

  /**
   * Backward over the share of this rank.
   *
   * @param shares - for each rank, its sequences by their places in the batch.
   * @returns the scores of these sequences, in their order.
   */
  readonly backward = endpoint(
    async (inputs: readonly Sequence[], targets: Targets, shares: readonly (readonly number[])[]): Promise<Scores> => {
      const places = shares[this.context.point.rank]!; // one share a rank
      checkSequences(inputs, this.training.config);
      this.training.zeroGradients();
      const { logProbs, entropy } = await backwardStep(this.training, { inputs, targets, places }, this.stepOptions);
      return { logProbs: places.map((b) => logProbs[b]!), entropy: places.map((b) => entropy[b]!) };
    },
  );

  /** Sums one part of the gradients over all ranks, in their order: every rank another part, in place. Source: reduce-scatter. */
  readonly reducePart = endpoint(async (): Promise<void> => {
    const { rank } = this.context.point;
    const own = this.#part(rank);
    const sum = new Float32Array(own.length);
    const other = new Float32Array(own.length);
    for (const [from, buffer] of this.#buffers.entries()) {
      // Nobody writes to this part of another rank meanwhile: each rank writes to its own part alone.
      if (from !== rank && own.length > 0) await buffer.readInto(other, rangeOf(own));
      const addend = from === rank ? own : other;
      for (let i = 0; i < sum.length; i++) sum[i]! += addend[i]!;
    }
    own.set(sum);
  });

  /** Fetches the parts that other ranks have summed, and takes the step that all of them take. Source: all-gather. */
  readonly gatherAndStep = endpoint(async (learningRate: number | undefined): Promise<OptimizerStep> => {
    const { rank } = this.context.point;
    for (const [from, buffer] of this.#buffers.entries()) {
      const part = this.#part(from);
      if (from !== rank && part.length > 0) await buffer.readInto(part, rangeOf(part));
    }
    return this.training.optimizerStep({ learningRate });
  });

  /** Drops the gradients of a step that is not to be. */
  readonly dropGradients = endpoint((): void => this.training.zeroGradients());

  #part(rank: number): Float32Array {
    const gradients = this.training.sharedGradients();
    const length = Math.ceil(gradients.length / this.#buffers.length);
    return gradients.subarray(rank * length, (rank + 1) * length);
  }
}

/** Where a part of the gradients lies in the buffer of any rank. */
const rangeOf = ({ byteOffset, byteLength }: Float32Array) => ({ offset: byteOffset, byteLength });
