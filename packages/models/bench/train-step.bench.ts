import { openSession } from '@forge/onnx';
import { type Tensor, tensor } from '@forge/tensor';
import { gradientName, initialize, scoringGraph, trainingGraph } from '../src/index.ts';
import { report, SMALL, time } from './small-model.ts';

const ROWS = 32;
const TOKENS = 48;
const OPTIONS = { threads: 2, spinning: true };

const int64 = (shape: readonly number[], value: (index: number) => number): Tensor<'int64'> => {
  const filled = tensor('int64', shape);
  filled.data.forEach((_, index) => {
    filled.data[index] = BigInt(value(index));
  });
  return filled;
};

const numPicks = ROWS * (TOKENS - 1);
const weights = initialize(SMALL, 1);
const scoringFeeds = {
  ...weights,
  input_ids: int64([ROWS, TOKENS], (index) => (index * 7919) % SMALL.vocabSize),
  position_ids: int64([ROWS, TOKENS], (index) => index % TOKENS),
  segment_ids: int64([ROWS, TOKENS], () => 1),
  selected: int64([numPicks], (index) => Math.floor(index / (TOKENS - 1)) * TOKENS + (index % (TOKENS - 1))),
  targets: int64([numPicks], (index) => (index * 31) % SMALL.vocabSize),
  temperature: tensor('float32', [], Float32Array.of(1)),
};
const picked = { log_probs: tensor('float32', [numPicks]), entropy: tensor('float32', [numPicks]) };

await using scoring = await openSession(scoringGraph(SMALL), OPTIONS);
await using training = await openSession(trainingGraph(SMALL), OPTIONS);
const trainingFeeds = {
  ...scoringFeeds,
  weights: tensor('float32', [numPicks], new Float32Array(numPicks).fill(-1 / numPicks)),
};
const gradients = Object.entries(weights).map(([name, { shape }]) => [gradientName(name), tensor('float32', shape)]);
const fetches: Record<string, Tensor> = { ...picked, loss: tensor('float32', []), ...Object.fromEntries(gradients) };

const forward = await time(() => scoring.run(scoringFeeds, picked));
const both = await time(() => training.run(trainingFeeds, fetches));
for (const [statistic, value, controlValue] of [
  ['best', both.bestMs, forward.bestMs],
  ['median', both.medianMs, forward.medianMs],
] as const) {
  report({
    bench: `forward and backward of 32×48 tokens, 0.8M parameters, ${statistic}`,
    value,
    unit: 'ms',
    control: 'forward alone',
    controlValue,
  });
}
