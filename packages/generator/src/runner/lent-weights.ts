import type { LoraAdapters, Weights } from '@forge/models';
import type { Tensor } from '@forge/tensor';

/** Weights that somebody lent, and may have back. */
export interface LentWeights extends Disposable {
  readonly weights: Weights;
  /** Gives back all but those of these names; disposing of what is returned gives back the rest. @default all stay */
  readonly keep?: (names: ReadonlySet<string>) => Disposable;
}

/** Adapters that somebody lent, and may have back. */
export interface LentAdapters extends Disposable {
  readonly adapters: LoraAdapters;
  /** Says which weights they adapt: those of equal names are equal. */
  readonly baseName: string;
  /** The weights that they adapt, for whom they are needed. */
  readonly base: () => Promise<LentWeights>;
}

/** What a version of a model is made of. */
export type LentVersion = LentWeights | LentAdapters;

/** Lends weights. @param giveBack - is called with those that are not needed any more. @default they are only dropped */
export function lendWeights(weights: Weights, giveBack: (weights: Weights) => void = () => {}): LentWeights {
  return {
    weights,
    keep(names) {
      giveBack(partOf(weights, (name) => !names.has(name)));
      return loanOf(
        partOf(weights, (name) => names.has(name)),
        giveBack,
      );
    },
    [Symbol.dispose]: () => giveBack(weights),
  };
}

/**
 * Lends weights that nobody else has: the memory of those that are not needed any more ends at once. When it would be collected,
 * nobody can tell: a process that only runs its model may not collect anything for hours.
 */
export const lendOwnWeights = (weights: Weights): LentWeights =>
  lendWeights(weights, (ended) => Object.values(ended).forEach(endMemory));

/** Ends the memory of a tensor that is used by nobody else; it has no elements any more. */
export function endMemory({ data }: Tensor): void {
  const { buffer } = data;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === data.byteLength) buffer.transfer(0);
}

/** Whether weights, or adapters of some, are lent. */
export const isLent = (given: Weights | LentVersion): given is LentVersion => Symbol.dispose in given;

/** Whether a version is adapters of other weights. */
export const isAdapters = (given: LentVersion): given is LentAdapters => 'base' in given;

/** A function of its own: what it returns holds these weights and no others. */
function loanOf(weights: Weights, giveBack: (weights: Weights) => void): Disposable {
  return { [Symbol.dispose]: () => giveBack(weights) };
}

function partOf(weights: Weights, isWanted: (name: string) => boolean): Weights {
  return Object.fromEntries(Object.entries(weights).filter(([name]) => isWanted(name)));
}
