import { elementCount, Random, type Tensor, tensor } from '@forge/tensor';
import { encodeModel, type Graph, openSession, type Session } from '../src/index.ts';
import { type DecoderSizes, nameOf, productsGraph, trainingGraph } from './decoder.ts';

const sizes: DecoderSizes = {
  vocabulary: 512,
  width: 128,
  layers: 4,
  heads: 4,
  kvHeads: 2,
  feedForward: 384,
  maxTokens: 48,
};
const [rows, tokens, numSteps] = [32, sizes.maxTokens, 20];
const random = new Random('training step');

const normal = (shape: readonly number[], scale: number): Tensor =>
  tensor(
    'float32',
    shape,
    Float32Array.from({ length: elementCount(shape) }, () => random.normal() * scale),
  );
const ids = (shape: readonly number[], below: number): Tensor =>
  tensor(
    'int64',
    shape,
    BigInt64Array.from({ length: elementCount(shape) }, () => BigInt(random.integer(below))),
  );

const startedAt = performance.now();
const { model, weights } = trainingGraph(sizes);
const numBytes = encodeModel(model).length;
const buildMs = performance.now() - startedAt;

const feeds: Record<string, Tensor> = {
  ids: ids([rows, tokens], sizes.vocabulary),
  positions: tensor(
    'int64',
    [rows, tokens],
    BigInt64Array.from({ length: rows * tokens }, (_, i) => BigInt(i % tokens)),
  ),
  mask: tensor(
    'float32',
    [tokens, tokens],
    Float32Array.from({ length: tokens ** 2 }, (_, i) => (i % tokens > i / tokens ? -1e9 : 0)),
  ),
  targets: ids([rows * tokens, 1], sizes.vocabulary),
};
let numParameters = 0;
for (const weight of weights) {
  const shape = weight.shape.map(Number);
  numParameters += elementCount(shape);
  feeds[nameOf(weight)] =
    shape.length === 1 ? tensor('float32', shape, new Float32Array(shape[0]!).fill(1)) : normal(shape, 0.05);
}
const products = productsGraph(sizes);
const productFeeds = Object.fromEntries(
  products.inputs.map(({ name, shape }) => [
    name,
    normal(
      shape.map((dim) => (typeof dim === 'number' ? dim : rows * tokens)),
      0.1,
    ),
  ]),
);

const allocated = ({ outputs }: Graph): Record<string, Tensor> =>
  Object.fromEntries(outputs.map(({ name, shape }) => [name, tensor('float32', shape.map(Number))]));

async function timed(
  session: Session,
  inputs: Record<string, Tensor>,
  outputs: Record<string, Tensor>,
): Promise<number> {
  const from = performance.now();
  await session.run(inputs, outputs);
  return performance.now() - from;
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;

await using step = await openSession(model, { threads: 2, spinning: true });
await using control = await openSession(products, { threads: 2, spinning: true });
const [stepOutputs, controlOutputs] = [allocated(model), allocated(products)];
const stepMs: number[] = [];
const controlMs: number[] = [];
for (let i = -2; i < numSteps; i++) {
  const pair = [await timed(step, feeds, stepOutputs), await timed(control, productFeeds, controlOutputs)] as const;
  if (i < 0) continue;
  stepMs.push(pair[0]);
  controlMs.push(pair[1]);
}
const print = (figure: object): void => console.log(JSON.stringify(figure));
print({
  bench: `onnx/build training graph, ${model.nodes.length} nodes, ${numBytes} bytes`,
  value: buildMs,
  unit: 'ms',
});
print({
  bench: `onnx/training step, ${numParameters} parameters, ${rows}x${tokens} tokens`,
  value: median(stepMs),
  unit: 'ms',
  control: median(controlMs),
  controlIs: 'its weight products alone',
  ratio: median(stepMs) / median(controlMs),
});
