import { Random } from '@forge/tensor';

/** The order of one epoch over `length` records: a permutation that depends on the seed and the epoch alone. */
export function epochOrder(length: number, seed: number | string, epoch: number): readonly number[] {
  const indices = Array.from({ length }, (_, index) => index);
  return new Random(seed).split(`epoch ${epoch}`).shuffle(indices);
}
