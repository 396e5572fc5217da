import type { Weights } from '@forge/models';
import { byPart } from './parts.ts';
import type { WeightSource } from './passes.ts';

/** Weights that are in memory of this process. */
export function localWeights(weights: Weights): WeightSource {
  const parts = byPart(weights);
  return {
    borrow: (wanted, use) => use(Object.assign({}, ...wanted.map((part) => parts.get(part)))),
  };
}
