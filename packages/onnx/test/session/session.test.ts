import { type DType, dtypes, tensor } from '@forge/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  cast,
  type Dim,
  encodeModel,
  type Graph,
  gather,
  graph,
  input,
  matMul,
  openSession,
  reduceSum,
  scalar,
} from '../../src/index.ts';
import { floats, increment, runtimes, useSession } from './sessions.ts';

const identity = (dtype: DType, shape: readonly Dim[]): Graph => graph({ y: input('x', dtype, shape) });

describe.each(runtimes)('a session over the %s', (runtime) => {
  const session = useSession(runtime);

  test('tells what the model declares', () => {
    expect(session().runtime).toBe(runtime);
    expect(session().inputs).toEqual([{ name: 'x', dtype: 'float32', shape: ['rows', 2] }]);
    expect(session().outputs).toEqual([{ name: 'y', dtype: 'float32', shape: ['rows', 2] }]);
  });

  test('runs a model given as bytes as it runs the graph', async () => {
    await using other = await openSession(encodeModel(increment()), { runtime });
    expect(await other.run({ x: floats([1, 2], 3, 4) })).toEqual({ y: floats([1, 2], 4, 5) });
  });

  test('runs with other sizes each time, none included', async () => {
    for (const rows of [1, 5, 0, 2]) {
      const x = tensor('float32', [rows, 2]);
      expect(await session().run({ x })).toEqual({
        y: tensor(
          'float32',
          [rows, 2],
          x.data.map((value) => value + 1),
        ),
      });
    }
  });

  test('writes a fetch given as a tensor in place and hands out that tensor', async () => {
    const y = tensor('float32', [2, 2]);
    const { data } = y;
    const results = await session().run({ x: floats([2, 2], 1, 2, 3, 4) }, { y });
    expect(results['y']).toBe(y);
    expect(y.data).toBe(data);
    expect(data).toEqual(Float32Array.of(2, 3, 4, 5));
  });

  test('writes a part of an array only where it was told to', async () => {
    const memory = new Float32Array(64).fill(9);
    const y = tensor('float32', [2, 2], memory.subarray(8, 12));
    await session().run({ x: floats([2, 2], 1, 2, 3, 4) }, { y });
    expect([...memory.subarray(7, 13)]).toEqual([9, 2, 3, 4, 5, 9]);
  });

  test('writes an output over the feed it was computed from', async () => {
    const x = tensor(
      'float32',
      [512, 2],
      Float32Array.from({ length: 1024 }, (_, i) => i),
    );
    for (let run = 0; run < 3; run += 1) await session().run({ x }, { y: x });
    expect(x.data).toEqual(Float32Array.from({ length: 1024 }, (_, i) => i + 3));
  });

  test('hands out fetches by name that later runs leave alone', async () => {
    const { y: first } = await session().run({ x: floats([1, 2], 1, 2) }, ['y']);
    const { y: second } = await session().run({ x: floats([1, 2], 5, 6) }, ['y']);
    expect([first, second]).toEqual([floats([1, 2], 2, 3), floats([1, 2], 6, 7)]);
  });

  test('fetches a subset of the outputs, in any order', async () => {
    const x = input('x', 'float32', [2]);
    const sums = graph({ a: add(x, scalar(1)), b: add(x, scalar(2)), c: reduceSum(x, [0], { keepDims: false }) });
    await using several = await openSession(sums, { runtime });
    const feeds = { x: floats([2], 10, 20) };
    expect(await several.run(feeds, ['c', 'a'])).toEqual({ c: floats([], 30), a: floats([2], 11, 21) });
    const b = tensor('float32', [2]);
    expect(await several.run(feeds, { b })).toEqual({ b: floats([2], 12, 22) });
    expect(Object.keys(await several.run(feeds))).toEqual(['a', 'b', 'c']);
  });

  const carried = runtime === 'binding' ? dtypes.filter((dtype) => dtype !== 'bfloat16') : dtypes;
  test.each(carried)('carries %s bit for bit, scalars and empty tensors included', async (dtype) => {
    for (const shape of [[], [0, 3], [3], [2, 257]]) {
      await using copy = await openSession(identity(dtype, shape), { runtime });
      const x = tensor(dtype, shape);
      const bytes = new Uint8Array(x.data.buffer, x.data.byteOffset, x.data.byteLength);
      for (const [i] of bytes.entries()) bytes[i] = dtype === 'bool' ? i % 2 : (i * 37 + 11) % 120;
      const y = tensor(dtype, shape);
      expect(await copy.run({ x })).toEqual({ y: x });
      expect(await copy.run({ x }, { y })).toEqual({ y: x });
    }
  });

  test('keeps runs that overlap apart, on one session and on several', async () => {
    await using other = await openSession(increment(), { runtime });
    const runs = Array.from({ length: 400 }, async (_, i) => {
      const { y } = await (i % 2 === 0 ? session() : other).run({ x: tensor('float32', [i, 2]) });
      return { i, y };
    });
    for (const { i, y } of await Promise.all(runs)) {
      expect(y).toEqual(tensor('float32', [i, 2], new Float32Array(2 * i).fill(1)));
    }
  });

  test('multiplies matrices of any size as arithmetic does', async () => {
    const product = graph({ y: matMul(input('a', 'float32', ['m', 'k']), input('b', 'float32', ['k', 'n'])) });
    await using matrices = await openSession(product, { runtime });
    const size = fc.integer({ min: 1, max: 20 });
    await fc.assert(
      fc.asyncProperty(size, size, size, async (m, k, n) => {
        const a = tensor(
          'float32',
          [m, k],
          Float32Array.from({ length: m * k }, (_, i) => (i % 7) - 3),
        );
        const b = tensor(
          'float32',
          [k, n],
          Float32Array.from({ length: k * n }, (_, i) => (i % 5) - 2),
        );
        const expected = Float32Array.from({ length: m * n }, (_, i) => {
          const terms = Array.from(
            { length: k },
            (_, j) => a.data[Math.floor(i / n) * k + j]! * b.data[j * n + (i % n)]!,
          );
          return terms.reduce((sum, term) => sum + term, 0);
        });
        expect((await matrices.run({ a, b }))['y']).toEqual(tensor('float32', [m, n], expected));
      }),
      { numRuns: 20 },
    );
  });

  test('reports a failure inside onnxruntime, and runs on after it', async () => {
    const rows = gather(input('x', 'float32', ['n']), input('i', 'int64', ['m']), 0);
    await using gathering = await openSession(graph({ y: rows }), { runtime });
    const x = floats([2], 1, 2);
    const run = (index: bigint) => gathering.run({ x, i: tensor('int64', [1], BigInt64Array.of(index)) });
    const failure = await run(7n).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'ERR_ONNX_RUNTIME',
      operation: 'The run',
      message: expect.stringMatching(/indices|out of/),
    });
    if (runtime === 'c-api') expect(failure).toMatchObject({ status: 'INVALID_ARGUMENT' });
    expect(await run(1n)).toEqual({ y: floats([1], 2) });
  });

  test('computes in half floats', async () => {
    await using half = await openSession(graph({ y: cast(input('x', 'float16', [2]), 'float32') }), { runtime });
    const x = tensor('float16', [2], Uint16Array.of(0x3c00, 0xc000));
    expect(await half.run({ x })).toEqual({ y: floats([2], 1, -2) });
  });
});

test('the binding cannot carry bfloat16 and says so', async () => {
  await expect(openSession(identity('bfloat16', [2]), { runtime: 'binding' })).rejects.toMatchObject({
    code: 'ERR_ONNX_RUNTIME',
    message: expect.stringContaining('Unsupported data type: 16'),
  });
});
