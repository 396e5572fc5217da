import { tensor } from '@forge/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cast,
  constant,
  graph,
  groupQueryAttention,
  input,
  layerNorm,
  logSoftmax,
  logSumExp,
  matMul,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceSum,
  rmsNorm,
  rotaryEmbedding,
  softmax,
  type Value,
  variance,
} from '../../src/index.ts';
import { counting, evaluate, float32, int64, runModel } from '../support/run.ts';

function expectClose(actual: readonly number[], expected: readonly number[], tolerance = 1e-5): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((x, i) => {
    expect(Math.abs(x - expected[i]!)).toBeLessThan(tolerance);
  });
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const softmaxOf = (row: readonly number[]): readonly number[] => {
  const weights = row.map((x) => Math.exp(x - Math.max(...row)));
  return weights.map((weight) => weight / sum(weights));
};

describe('matMul', () => {
  const size = fc.integer({ min: 1, max: 5 });

  test.each([
    [false, false, 1],
    [true, false, 1],
    [false, true, 0.5],
    [true, true, 2],
  ])('with transposeA %s, transposeB %s and alpha %d is a sum of products', async (transposeA, transposeB, alpha) => {
    await fc.assert(
      fc.asyncProperty(size, size, size, fc.constantFrom('float32', 'float64'), async (m, k, n, dtype) => {
        const aShape = transposeA ? [2, k, m] : [2, m, k];
        const bShape = transposeB ? [n, k] : [k, n];
        const [aNumbers, bNumbers] = [counting(aShape, -1, 0.25), counting(bShape, 1, -0.5)];
        const a = cast(input('a', 'float32', transposeA ? ['batch', 'k', 'm'] : ['batch', 'm', 'k']), dtype);
        const b = cast(input('b', 'float32', transposeB ? ['n', 'k'] : ['k', 'n']), dtype);
        const y = matMul(a, b, { transposeA, transposeB, alpha });
        expect(y.shape).toEqual(['batch', 'm', 'n']);
        const expected = counting([2, m, n]).map((at) => {
          const [batch, row, column] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n];
          const products = counting([k]).map((i) => {
            const left = aNumbers[batch * m * k + (transposeA ? i * m + row : row * k + i)]!;
            return left * bNumbers[transposeB ? column * k + i : i * n + column]!;
          });
          return alpha * sum(products);
        });
        const result = await evaluate(y, { a: float32(aShape, aNumbers), b: float32(bShape, bNumbers) });
        expect(result.shape).toEqual([2, m, n]);
        expectClose(result.data, expected, 1e-3);
      }),
      { numRuns: 6 },
    );
  });
});

const squaredDeviation = (numbers: readonly number[]): number => {
  const mean = sum(numbers) / numbers.length;
  return sum(numbers.map((each) => (each - mean) ** 2));
};

describe('reductions', () => {
  const rows = [
    [3, -1, 2],
    [0, 5, 1],
  ];
  const x = input('x', 'float32', ['n', 3]);
  const feeds = { x: float32([2, 3], rows.flat()) };

  test.each<readonly [string, typeof reduceSum, (numbers: readonly number[]) => number]>([
    ['reduceSum', reduceSum, sum],
    ['reduceMean', reduceMean, (numbers) => sum(numbers) / numbers.length],
    ['reduceMax', reduceMax, (numbers) => Math.max(...numbers)],
    ['reduceMin', reduceMin, (numbers) => Math.min(...numbers)],
    ['logSumExp', logSumExp, (numbers) => Math.log(sum(numbers.map(Math.exp)))],
    ['variance', variance, (numbers) => squaredDeviation(numbers) / (numbers.length - 1)],
  ])('%s over rows, columns and all', async (_, reduce, reference) => {
    const columns = [0, 1, 2].map((column) => rows.map((row) => row[column]!));
    expectClose((await evaluate(reduce(x, [-1]), feeds)).data, rows.map(reference));
    expectClose((await evaluate(reduce(x, [0]), feeds)).data, columns.map(reference));
    expectClose((await evaluate(reduce(x), feeds)).data, [reference(rows.flat())]);
    expect((await evaluate(reduce(x, [1], { keepDims: true }), feeds)).shape).toEqual([2, 1]);
  });
});

describe('softmax', () => {
  const x = input('x', 'float32', ['n', 3]);
  const rows = [
    [1, 2, 4],
    [-3, 80, 81],
  ];
  const feeds = { x: float32([2, 3], rows.flat()) };

  test('makes each row a distribution', async () => {
    expectClose((await evaluate(softmax(x), feeds)).data, rows.flatMap(softmaxOf));
  });

  test('its logarithm is taken without underflow', async () => {
    const expected = rows.flatMap((row) => softmaxOf(row).map(Math.log));
    expectClose((await evaluate(logSoftmax(x), feeds)).data, expected, 1e-4);
  });
});

test('a logarithm of a sum of exponentials neither overflows nor vanishes', async () => {
  const x = input('x', 'float32', [2]);
  const at = async (values: readonly number[]) => (await evaluate(logSumExp(x), { x: float32([2], values) })).data;
  expectClose(await at([1000, 1000]), [1000 + Math.LN2], 1e-4);
  expectClose(await at([-1000, -2000]), [-1000]);
});

test('layerNorm takes off the mean, divides by the standard deviation, scales and shifts', async () => {
  const [numbers, scale, shift] = [
    [1, -2, 3, 0.5],
    [1, 2, 3, 4],
    [0, 1, 0, -1],
  ];
  const [weight, bias] = [input('weight', 'float32', [4]), input('bias', 'float32', [4])];
  const y = layerNorm(input('x', 'float32', ['n', 4]), { weight, bias, epsilon: 0.01 });
  const feeds = { x: float32([1, 4], numbers), weight: float32([4], scale), bias: float32([4], shift) };
  const deviation = Math.sqrt(squaredDeviation(numbers) / 4 + 0.01);
  expectClose(
    (await evaluate(y, feeds)).data,
    numbers.map((each, i) => ((each - sum(numbers) / 4) / deviation) * scale[i]! + shift[i]!),
  );
});

test('rmsNorm divides by the root mean square', async () => {
  const x = input('x', 'float32', ['n', 4]);
  const weight = input('weight', 'float32', [4]);
  const [numbers, scale] = [
    [1, -2, 3, 0.5],
    [1, 2, 3, 4],
  ];
  const root = Math.sqrt(sum(numbers.map((each) => each * each)) / 4 + 0.01);
  const y = await evaluate(rmsNorm(x, weight, 0.01), { x: float32([1, 4], numbers), weight: float32([4], scale) });
  expectClose(
    y.data,
    numbers.map((each, i) => (each / root) * scale[i]!),
  );
});

test('rotaryEmbedding turns the pair (i, i + C/2) of each head by the angle of its position', async () => {
  const angles = [
    [0, 0],
    [0.3, 1.1],
    [0.6, 2.2],
  ];
  const table = (of: (angle: number) => number): Value => constant(float32([3, 2], angles.flat().map(of)));
  const x = input('x', 'float32', ['batch', 'tokens', 8]);
  const positions = input('positions', 'int64', ['batch', 'tokens']);
  const numbers = counting([1, 2, 8], -3, 0.5);
  const y = rotaryEmbedding(x, { positions, cos: table(Math.cos), sin: table(Math.sin) });
  const expected = numbers.map((each, at) => {
    const [token, channel] = [Math.floor(at / 8), at % 4];
    const angle = angles[[2, 1][token]!]![channel % 2]!;
    const isFirst = channel < 2;
    const partner = numbers[isFirst ? at + 2 : at - 2]!;
    return each * Math.cos(angle) + (isFirst ? -partner : partner) * Math.sin(angle);
  });
  const feeds = { x: float32([1, 2, 8], numbers), positions: int64([1, 2], [2, 1]) };
  expectClose((await evaluate(y, feeds)).data, expected);
});

test('groupQueryAttention attends to the cache and to earlier tokens, and writes the new keys behind the old ones', async () => {
  const [tokens, past, capacity, channels] = [2, 1, 8, 8];
  const query = input('query', 'float32', ['batch', 'tokens', 2 * channels]);
  const key = input('key', 'float32', ['batch', 'tokens', channels]);
  const value = input('value', 'float32', ['batch', 'tokens', channels]);
  const pastKey = input('pastKey', 'float32', ['batch', 1, 'capacity', channels]);
  const pastValue = input('pastValue', 'float32', ['batch', 1, 'capacity', channels]);
  const { output, presentKey } = groupQueryAttention({
    query,
    key,
    value,
    pastKey,
    pastValue,
    seqlensK: input('seqlensK', 'int32', ['batch']),
    totalSequenceLength: input('total', 'int32', []),
    numHeads: 2,
    numKvHeads: 1,
  });
  const q = counting([tokens, 2 * channels]).map(Math.sin);
  const k = counting([past + tokens, channels]).map(Math.cos);
  const v = counting([past + tokens, channels], 5).map(Math.sin);
  const cache = (numbers: readonly number[]) =>
    float32(
      [1, 1, capacity, channels],
      counting([capacity * channels]).map((i) => (i < past * channels ? numbers[i]! : 0)),
    );
  const feeds = {
    query: float32([1, tokens, 2 * channels], q),
    key: float32([1, tokens, channels], k.slice(past * channels)),
    value: float32([1, tokens, channels], v.slice(past * channels)),
    pastKey: cache(k),
    pastValue: cache(v),
    seqlensK: tensor('int32', [1], Int32Array.of(past + tokens - 1)),
    total: tensor('int32', [], Int32Array.of(past + tokens)),
  };
  const expected = [0, 1].flatMap((token) =>
    [0, 1].flatMap((head) => {
      const seen = counting([past + token + 1]);
      const scores = seen.map(
        (at) =>
          sum(counting([channels]).map((c) => q[(token * 2 + head) * channels + c]! * k[at * channels + c]!)) /
          Math.sqrt(channels),
      );
      const mixing = softmaxOf(scores);
      return counting([channels]).map((c) => sum(seen.map((at) => mixing[at]! * v[at * channels + c]!)));
    }),
  );
  expectClose((await evaluate(output, feeds)).data, expected);
  expectClose((await evaluate(presentKey, feeds)).data.slice(0, k.length), k);
});

test('a rotation may take one row of the tables a token, in order', async () => {
  const x = input('x', 'float32', [1, 'tokens', 4]);
  const positions = input('positions', 'int64', [1]);
  const tables = [input('cos', 'float32', ['tokens', 1]), input('sin', 'float32', ['tokens', 1])] as const;
  const model = graph({ y: rotaryEmbedding(x, { positions, cos: tables[0], sin: tables[1] }) });
  const { y } = await runModel(model, {
    x: tensor('float32', [1, 2, 4], Float32Array.of(1, 2, 3, 4, 1, 2, 3, 4)),
    positions: tensor('int64', [1]),
    cos: tensor('float32', [2, 1], Float32Array.of(0, -1)),
    sin: tensor('float32', [2, 1], Float32Array.of(1, 0)),
  });
  // Two heads of two channels: a quarter turn for the first token, half a turn for the second.
  expect([...(y!.data as Float32Array)]).toEqual([-2, 1, -4, 3, -1, -2, -3, -4]);
});
