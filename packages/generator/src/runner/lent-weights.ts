import type { Weights } from '@forge/models';

/** Weights that somebody lent, and may have back. */
export interface LentWeights extends Disposable {
  readonly weights: Weights;
  /** Gives back all but those of these names; disposing of what is returned gives back the rest. @default all stay */
  readonly keep?: (names: ReadonlySet<string>) => Disposable;
}

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

/** A function of its own: what it returns holds these weights and no others. */
function loanOf(weights: Weights, giveBack: (weights: Weights) => void): Disposable {
  return { [Symbol.dispose]: () => giveBack(weights) };
}

function partOf(weights: Weights, isWanted: (name: string) => boolean): Weights {
  return Object.fromEntries(Object.entries(weights).filter(([name]) => isWanted(name)));
}
