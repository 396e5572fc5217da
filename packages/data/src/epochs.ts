import { Random } from '@forge/tensor';

/** Where an endless, reshuffled walk over a data set stands. Plain data: it goes into a checkpoint as it is. */
export interface Position {
  readonly epoch: number;
  /** Index within the epoch. */
  readonly index: number;
}

/** The order of one epoch over `length` records: a permutation that depends on the seed and the epoch alone. */
export function epochOrder(length: number, seed: number, epoch: number): readonly number[] {
  const indices = Array.from({ length }, (_, index) => index);
  return new Random(seed).split(`epoch ${epoch}`).shuffle(indices);
}

/** The position after this one in a data set of `length` records. */
export function following({ epoch, index }: Position, length: number): Position {
  return index + 1 < length ? { epoch, index: index + 1 } : { epoch: epoch + 1, index: 0 };
}
