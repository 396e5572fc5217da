import { type ModelConfig, parameters } from '@forge/models';
import { elementCount } from '@forge/tensor';
import { type Part, partOf, partsOf } from '../passes/parts.ts';

/**
 * The parts of each stage of a pipeline, so that the stage with the most work has as little as can be. Work is the products of
 * matrices: a multiplication a weight and token, none for the lookup of the embedding. Each stage has a layer.
 */
export function balanceStages(config: ModelConfig, numStages: number): readonly (readonly Part[])[] {
  const { numHiddenLayers, vocabSize, hiddenSize } = config;
  const work = Array<number>(numHiddenLayers).fill(0);
  for (const { name, shape } of parameters(config)) {
    const part = partOf(name);
    if (typeof part === 'number') work[part]! += elementCount(shape);
  }
  work[numHiddenLayers - 1]! += vocabSize * hiddenSize;
  const starts = balancedStarts(work, numStages);
  return starts.map((start, stage): readonly Part[] => [
    ...(stage === 0 ? (['embedding'] as const) : []),
    ...partsOf(config).slice(1 + start, 1 + (starts[stage + 1] ?? numHiddenLayers)), // the embedding is before the layers
    ...(stage === numStages - 1 ? (['head'] as const) : []),
  ]);
}

/** Cuts a row of amounts of work into runs of at least one each; where each begins. The largest sum is the least possible. */
export function balancedStarts(work: readonly number[], numRuns: number): readonly number[] {
  const before = [0];
  for (const [i, each] of work.entries()) before.push(before[i]! + each);
  const sumOf = (start: number, end: number): number => before[end]! - before[start]!;
  // best[runs][end]: the largest sum of `runs` runs over the first `end`, and where the last of them starts.
  let best = work.map((_, i) => ({ most: sumOf(0, i + 1), starts: [0] as readonly number[] }));
  for (let runs = 2; runs <= numRuns; runs++) {
    const previous = best;
    best = work.map((_, i) => {
      const end = i + 1;
      let chosen = { most: Number.POSITIVE_INFINITY, starts: [] as readonly number[] };
      for (let start = runs - 1; start < end; start++) {
        const { most, starts } = previous[start - 1]!;
        const candidate = Math.max(most, sumOf(start, end));
        if (candidate < chosen.most) chosen = { most: candidate, starts: [...starts, start] };
      }
      return chosen;
    });
  }
  return best.at(-1)!.starts; // there is work
}
