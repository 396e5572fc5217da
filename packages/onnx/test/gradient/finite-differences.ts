import { elementCount, Random, type Tensor, tensor } from '@forge/tensor';
import { InferenceSession } from 'onnxruntime-node';
import { type Dim, encodeModel, gradients, graph, input, mul, reduceSum, type Value } from '../../src/index.ts';
import { runSession } from '../support/run.ts';
import type { Application, Case, Fill } from './cases.ts';

/** Sizes of the letters in the shapes of a case. */
export type Sizes = Readonly<Record<string, number>>;

const numberOf = (dim: Dim, sizes: Sizes): number => (typeof dim === 'number' ? dim : sizes[dim]!);

/**
 * Compares the gradients of `sum(weights * y)` with central differences for each of `runs`, all of them in one session.
 * With `symbolic` the letters are symbolic sizes of the graph, otherwise the sizes of the first run.
 *
 * @returns the largest difference, relative to gradients above 1.
 */
export async function largestDifference(
  { operands, build, dtype = 'float64' }: Application & Pick<Case, 'dtype'>,
  { runs, symbolic, seed }: { readonly runs: readonly Sizes[]; readonly symbolic: boolean; readonly seed: number },
): Promise<number> {
  const dims = (shape: readonly Dim[]): readonly Dim[] =>
    symbolic ? shape : shape.map((dim) => numberOf(dim, runs[0]!));
  const values = operands.map(({ shape, fill }, i) => input(`x${i}`, dtypeOf(fill, dtype), dims(shape)));
  const y = build(...values);
  const weights = input('weights', dtype, y.shape);
  const loss = reduceSum(mul(y, weights));
  const smooth = operands.flatMap(({ fill }, i) => (fill.kind === 'any' || fill.kind === 'positive' ? [i] : []));
  const found = gradients(
    loss,
    smooth.map((i) => values[i]!),
  );
  const outputs: Record<string, Value> = { y, loss };
  found.forEach((gradient, k) => {
    outputs[`gradient${smooth[k]}`] = gradient;
  });
  const session = await InferenceSession.create(encodeModel(graph(outputs, { inputs: values })), {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  let largest = 0;
  try {
    for (const sizes of symbolic ? runs : runs.slice(0, 1)) {
      const random = new Random(seed);
      const feeds = feedsOf(operands, sizes, dtype, random);
      const weightShape = y.shape.map((dim) => evaluateDim(dim, sizes));
      feeds['weights'] = fillTensor({ kind: 'any' }, weightShape, sizes, dtype, random);
      const exact = await runSession(session, feeds);
      for (const i of smooth) {
        const gradient = exact[`gradient${i}`]!.data as Float64Array | Float32Array;
        const data = feeds[`x${i}`]!.data as Float64Array | Float32Array;
        if (gradient.length !== data.length) return Number.POSITIVE_INFINITY;
        // Half the digits of the dtype: what central differences leave after truncation and cancellation.
        const step = dtype === 'float64' ? 1e-5 : 2e-2;
        for (let k = 0; k < data.length; k++) {
          const at = data[k]!;
          data[k] = at + step;
          const above = await lossOf(session, feeds);
          const upper = data[k]!;
          data[k] = at - step;
          const below = await lossOf(session, feeds);
          const slope = (above - below) / (upper - data[k]!);
          data[k] = at;
          largest = Math.max(largest, Math.abs(slope - gradient[k]!) / Math.max(1, Math.abs(slope)));
        }
      }
    }
  } finally {
    await session.release();
  }
  return largest;
}

/** The loss summed in double precision from y, since a float32 sum would drown the difference. */
async function lossOf(session: InferenceSession, feeds: Readonly<Record<string, Tensor>>): Promise<number> {
  const { y } = await runSession(session, feeds, ['y']);
  const weights = feeds['weights']!.data;
  return Array.from(y!.data, Number).reduce((sum, each, i) => sum + each * Number(weights[i]), 0);
}

/** A symbolic size of the result at run time. */
function evaluateDim(dim: Dim, sizes: Sizes): number {
  if (typeof dim === 'number') return dim;
  return dim.split('+').reduce((sum, term) => {
    return sum + term.split('*').reduce((product, factor) => product * (sizes[factor] ?? Number(factor)), 1);
  }, 0);
}

function dtypeOf({ kind }: Fill, dtype: 'float32' | 'float64') {
  if (kind === 'index' || kind === 'distinct') return 'int64';
  return kind === 'bool' ? 'bool' : dtype;
}

function feedsOf(
  operands: Application['operands'],
  sizes: Sizes,
  dtype: 'float32' | 'float64',
  random: Random,
): Record<string, Tensor> {
  const shapes = operands.map(({ shape }) => shape.map((dim) => numberOf(dim, sizes)));
  return Object.fromEntries(
    operands.map(({ fill }, i) => [`x${i}`, fillTensor(fill, shapes[i]!, sizes, dtype, random, i)]),
  );
}

function fillTensor(
  fill: Fill,
  shape: readonly number[],
  sizes: Sizes,
  dtype: 'float32' | 'float64',
  random: Random,
  phase = 0,
): Tensor {
  const count = elementCount(shape);
  const places = Array.from({ length: count }, (_, i) => i);
  if (fill.kind === 'bool')
    return tensor(
      'bool',
      shape,
      Uint8Array.from(places, () => random.integer(2)),
    );
  if (fill.kind === 'index') {
    const below = numberOf(fill.below, sizes);
    return tensor(
      'int64',
      shape,
      BigInt64Array.from(places, () => BigInt(random.integer(below))),
    );
  }
  if (fill.kind === 'distinct') {
    const stride = count / (shape[0] ?? 1);
    const offset = random.integer(fill.below);
    return tensor(
      'int64',
      shape,
      BigInt64Array.from(places, (i) => BigInt((Math.floor(i / stride) * 2 + offset) % fill.below)),
    );
  }
  if (fill.kind === 'angle')
    return floats(
      dtype,
      shape,
      places.map(() => 2 * random.uniform() - 1),
    );
  // A grid whose points differ by more than two steps and stay away from 0: no kink lies within a difference.
  const spacing = 0.12;
  const grid = random.shuffle(places.map((i) => (i - Math.floor(count / 2) + 0.5) * spacing + 0.02 * (phase % 3)));
  return floats(dtype, shape, fill.kind === 'positive' ? grid.map((x) => Math.abs(x) + 0.4) : grid);
}

function floats(dtype: 'float32' | 'float64', shape: readonly number[], values: readonly number[]): Tensor {
  return dtype === 'float32'
    ? tensor('float32', shape, Float32Array.from(values))
    : tensor('float64', shape, Float64Array.from(values));
}
