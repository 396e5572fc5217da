import type { LoraAdapters, Weights } from '@forge/models';

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

/** Whether a version is adapters of other weights. */
export const isAdapters = (given: Weights | LentVersion): given is LentAdapters =>
  'base' in given && typeof given.base === 'function';

/** A function of its own: what it returns holds these weights and no others. */
function loanOf(weights: Weights, giveBack: (weights: Weights) => void): Disposable {
  return { [Symbol.dispose]: () => giveBack(weights) };
}

function partOf(weights: Weights, isWanted: (name: string) => boolean): Weights {
  return Object.fromEntries(Object.entries(weights).filter(([name]) => isWanted(name)));
}
