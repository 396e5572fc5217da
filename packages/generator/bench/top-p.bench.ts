import { Random } from '@forge/tensor';
import { TokenWeights } from '../src/sampling/token-weights.ts';
import { median } from './median.ts';
import { print } from './print.ts';

// Top-p over the vocabulary of Qwen3, with logits as random as they can be and as peaked as those of a trained model.
// Control: sorting the weights, which every implementation by the book begins with.
const vocabSize = 151_936;
const numRounds = 15;
const weights = new TokenWeights(vocabSize);
const random = new Random(0);

for (const spread of [1, 3]) {
  const logits = Float32Array.from({ length: vocabSize }, () => spread * random.normal());
  for (const p of [0.5, 0.9, 0.99]) {
    const [own, sorting]: readonly [number[], number[]] = [[], []];
    for (let round = 0; round < numRounds; round++) {
      weights.fill(logits, 1);
      const copy = weights.values_V.slice();
      own.push(timed(() => weights.keepTopP(p)));
      sorting.push(timed(() => copy.sort()));
    }
    const bench = `top-p ${p}, ${vocabSize} logits with a deviation of ${spread}; control: a sort`;
    print({ bench, value: median(own), unit: 'ms', control: median(sorting) });
  }
}

function timed(run: () => unknown): number {
  const started = performance.now();
  run();
  return performance.now() - started;
}
