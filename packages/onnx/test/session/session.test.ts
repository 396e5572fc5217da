import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { type DType, dtypes, type Tensor, tensor } from '@forge/tensor';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  add,
  cast,
  type Device,
  type Dim,
  encodeModel,
  exp,
  type Graph,
  type GraphOptimization,
  gather,
  graph,
  input,
  matMul,
  type OperatorTime,
  openSession,
  profileTable,
  RunArgumentError,
  type Runtime,
  reduceSum,
  type Session,
  SessionDisposedError,
  scalar,
} from '../../src/index.ts';

/** x + 1, of any number of rows of two. */
const increment = (): Graph => graph({ y: add(input('x', 'float32', ['rows', 2]), scalar(1)) });
const identity = (dtype: DType, shape: readonly Dim[]): Graph => graph({ y: input('x', dtype, shape) });
const profileFolders = async (): Promise<string[]> =>
  (await readdir(tmpdir())).filter((name) => name.startsWith('forge-profile-'));
const floats = (shape: readonly number[], ...values: number[]): Tensor<'float32'> =>
  tensor('float32', shape, Float32Array.from(values));

describe.each<Runtime>(['c-api', 'binding'])('a session over the %s', (runtime) => {
  let session: Session;

  beforeEach(async () => {
    session = await openSession(increment(), { runtime });
  });

  afterEach(async () => {
    await session[Symbol.asyncDispose]();
  });

  test('tells what the model declares', () => {
    expect(session.runtime).toBe(runtime);
    expect(session.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: ['rows', 2] }]);
    expect(session.outputs).toEqual([{ name: 'y', dtype: 'float32', shape: ['rows', 2] }]);
  });

  test('runs a model given as bytes as it runs the graph', async () => {
    await using other = await openSession(encodeModel(increment()), { runtime });
    expect(await other.run({ x: floats([1, 2], 3, 4) })).toEqual({ y: floats([1, 2], 4, 5) });
  });

  test('runs with other sizes each time, none included', async () => {
    for (const rows of [1, 5, 0, 2]) {
      const x = tensor('float32', [rows, 2]);
      expect(await session.run({ x })).toEqual({
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
    const results = await session.run({ x: floats([2, 2], 1, 2, 3, 4) }, { y });
    expect(results['y']).toBe(y);
    expect(y.data).toBe(data);
    expect(data).toEqual(Float32Array.of(2, 3, 4, 5));
  });

  test('writes a part of an array only where it was told to', async () => {
    const memory = new Float32Array(64).fill(9);
    const y = tensor('float32', [2, 2], memory.subarray(8, 12));
    await session.run({ x: floats([2, 2], 1, 2, 3, 4) }, { y });
    expect([...memory.subarray(7, 13)]).toEqual([9, 2, 3, 4, 5, 9]);
  });

  test('writes an output over the feed it was computed from', async () => {
    const x = tensor(
      'float32',
      [512, 2],
      Float32Array.from({ length: 1024 }, (_, i) => i),
    );
    for (let run = 0; run < 3; run += 1) await session.run({ x }, { y: x });
    expect(x.data).toEqual(Float32Array.from({ length: 1024 }, (_, i) => i + 3));
  });

  test('hands out fetches by name that later runs leave alone', async () => {
    const { y: first } = await session.run({ x: floats([1, 2], 1, 2) }, ['y']);
    const { y: second } = await session.run({ x: floats([1, 2], 5, 6) }, ['y']);
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

  test('a bound run reads its feeds anew each time, and writes its fetches in place', async () => {
    const x = tensor('float32', [2, 2]);
    const y = tensor('float32', [2, 2]);
    using bound = session.bind({ x }, { y });
    for (let round = 0; round < 3; round += 1) {
      x.data.fill(round);
      await bound.run();
      expect(y).toEqual(floats([2, 2], ...Array<number>(4).fill(round + 1)));
    }
  });

  test('bound runs of one session go on side by side, one after the other each', async () => {
    const runs = Array.from({ length: 20 }, async (_, rows) => {
      const x = tensor('float32', [rows, 2]);
      using bound = session.bind({ x }, { y: x });
      for (let round = 0; round < 20; round += 1) await bound.run();
      return x.data;
    });
    for (const [rows, data] of (await Promise.all(runs)).entries()) {
      expect(data).toEqual(new Float32Array(2 * rows).fill(20));
    }
  });

  test('a bound run that is under way is not begun again, and may be disposed', async () => {
    const x = tensor('float32', [2, 2]);
    const bound = session.bind({ x }, { y: x });
    const running = bound.run();
    await expect(bound.run()).rejects.toThrow('A bound run is still under way.');
    bound[Symbol.dispose]();
    await running;
    expect(x.data).toEqual(Float32Array.of(1, 1, 1, 1));
    await expect(bound.run()).rejects.toThrow(SessionDisposedError);
    bound[Symbol.dispose]();
  });

  test('a bound run that was aborted before is not begun', async () => {
    const x = tensor('float32', [2, 2]);
    using bound = session.bind({ x }, { y: x });
    await expect(bound.run({ signal: AbortSignal.abort(new RangeError('no')) })).rejects.toThrow('no');
    expect(x.data).toEqual(new Float32Array(4));
  });

  test.runIf(runtime === 'c-api')('a blocking run gives the same, and is refused as others are', async () => {
    const x = floats([2, 2], 1, 2, 3, 4);
    const y = tensor('float32', [2, 2]);
    const bound = session.bind({ x }, { y });
    bound.runBlocking?.();
    expect(y).toEqual(floats([2, 2], 2, 3, 4, 5));
    const running = bound.run();
    expect(bound.runBlocking).toThrow('A bound run is still under way.');
    await running;
    bound[Symbol.dispose]();
    expect(bound.runBlocking).toThrow(SessionDisposedError);
  });

  test.runIf(runtime === 'binding')('the binding has no blocking run', () => {
    const x = tensor('float32', [2, 2]);
    using bound = session.bind({ x }, { y: x });
    expect(bound.runBlocking).toBeUndefined();
  });

  test('bound tensors must fit, and keep their memory', async () => {
    const x = tensor('float32', [2, 2]);
    expect(() => session.bind({ x }, { y: tensor('float32', [3, 2]) })).toThrow(RunArgumentError);
    using bound = session.bind({ x }, { y: tensor('float32', [2, 2]) });
    structuredClone(x.data, { transfer: [x.data.buffer as ArrayBuffer] }); // as `tensor` allocates it
    await expect(bound.run()).rejects.toMatchObject({ tensor: 'x', problem: 'memory' });
  });

  test('the disposal of a session ends its bound runs', async () => {
    const other = await openSession(increment(), { runtime });
    const x = tensor('float32', [2, 2]);
    const bound = other.bind({ x }, { y: x });
    const running = bound.run();
    await other[Symbol.asyncDispose]();
    await running;
    await expect(bound.run()).rejects.toThrow(SessionDisposedError);
    expect(() => other.bind({ x }, { y: x })).toThrow(SessionDisposedError);
  });

  test('computes in half floats', async () => {
    await using half = await openSession(graph({ y: cast(input('x', 'float16', [2]), 'float32') }), { runtime });
    const x = tensor('float16', [2], Uint16Array.of(0x3c00, 0xc000));
    expect(await half.run({ x })).toEqual({ y: floats([2], 1, -2) });
  });

  test('keeps runs that overlap apart, on one session and on several', async () => {
    await using other = await openSession(increment(), { runtime });
    const runs = Array.from({ length: 400 }, async (_, i) => {
      const { y } = await (i % 2 === 0 ? session : other).run({ x: tensor('float32', [i, 2]) });
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

  test('says which bytes are no model', async () => {
    await expect(openSession(new TextEncoder().encode('not a model'), { runtime })).rejects.toMatchObject({
      code: 'ERR_ONNX_RUNTIME',
      operation: 'Opening the model',
    });
  });

  test('says which device there is none of', async () => {
    await expect(openSession(increment(), { runtime, device: 'dml' })).rejects.toMatchObject({
      code: 'ERR_ONNX_DEVICE_UNAVAILABLE',
      device: 'dml',
      available: expect.arrayContaining(['cpu']),
    });
  });

  test('says which device it does not know', async () => {
    const device = 'tpu' as Device; // as a file of settings may have it
    await expect(openSession(increment(), { runtime, device })).rejects.toMatchObject({
      code: 'ERR_ONNX_DEVICE_UNAVAILABLE',
      message: expect.stringContaining('Device tpu is not available. This onnxruntime was built for: cpu'),
    });
  });

  test('refuses a number of threads that is none, and an optimization that it does not know', async () => {
    for (const threads of [0, 1.5, Number.NaN]) {
      await expect(openSession(increment(), { runtime, threads })).rejects.toThrow(RangeError);
    }
    const graphOptimization = 'most' as GraphOptimization;
    await expect(openSession(increment(), { runtime, graphOptimization })).rejects.toThrow('give one of none, basic');
  });

  test.runIf(process.platform === 'linux')('starts as many threads as it was told, less the calling one', async () => {
    const numThreads = async (): Promise<number> => (await readdir('/proc/self/task')).length;
    const started = async (threads: number): Promise<number> => {
      const before = await numThreads();
      await using other = await openSession(increment(), { runtime, threads });
      await other.run({ x: floats([1, 2], 1, 2) });
      return (await numThreads()) - before;
    };
    // The first runs start libuv's threads, too.
    await Promise.all(Array.from({ length: 8 }, () => started(1)));
    expect(await started(1)).toBe(0);
    expect(await started(6)).toBe(5);
  });

  test('works with any number of threads, optimizations and optimizers', async () => {
    for (const options of [
      { threads: 1, graphOptimization: 'none' },
      { threads: 2, spinning: false },
      {
        threads: 3,
        spinning: true,
        graphOptimization: 'basic',
        disabledOptimizers: ['ConstantFolding', 'CommonSubexpressionElimination'],
      },
    ] as const) {
      await using other = await openSession(increment(), { runtime, ...options });
      expect(await other.run({ x: floats([1, 2], 1, 2) })).toEqual({ y: floats([1, 2], 2, 3) });
    }
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

  test('reports what its operators cost when it is disposed', async () => {
    const profiles: (readonly OperatorTime[])[] = [];
    const x = input('x', 'float32', [64, 64]);
    const products = graph({ y: matMul(matMul(x, x), exp(x)) });
    const profiled = await openSession(products, { runtime, onProfile: (times) => profiles.push(times) });
    for (let run = 0; run < 3; run += 1) await profiled.run({ x: tensor('float32', [64, 64]) });
    expect(profiles).toEqual([]);
    await profiled[Symbol.asyncDispose]();
    const [times = []] = profiles;
    expect(Object.fromEntries(times.map(({ operator, calls }) => [operator, calls]))).toEqual({ MatMul: 6, Exp: 3 });
    expect(times.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
    expect(times.map(({ gflops }) => gflops !== undefined && gflops > 0)).toEqual(
      times.map(({ operator }) => operator === 'MatMul'),
    );
    expect(profileTable(times).split('\n')).toHaveLength(3);
  });

  test('a model that is refused leaves no profile behind', async () => {
    const before = await profileFolders();
    await openSession(new Uint8Array(3), { runtime, onProfile: () => {} }).catch(() => {});
    expect(await profileFolders()).toEqual(before);
  });

  describe('checks before it runs', () => {
    const good = floats([1, 2], 1, 2);
    const shared = new Float32Array(new SharedArrayBuffer(8));
    const resizable = new Float32Array(new ArrayBuffer(8, { maxByteLength: 64 }));
    const short: Tensor = { dtype: 'float32', shape: [1, 2], data: new Float32Array(3) };
    const typed: Tensor<'float32'> = { dtype: 'float32', shape: [1, 2], data: JSON.parse('[1, 2]') };
    const wrong: Record<
      string,
      [Record<string, Tensor>, readonly string[] | Record<string, Tensor> | undefined, object]
    > = {
      'a missing feed': [
        {},
        undefined,
        { role: 'feed', tensor: 'x', problem: 'missing', expected: 'float32[rows, 2]' },
      ],
      'an unknown feed': [
        { x: good, z: good },
        undefined,
        { role: 'feed', tensor: 'z', problem: 'unknown', expected: 'one of x' },
      ],
      'an unknown fetch by name': [
        { x: good },
        ['z'],
        { role: 'fetch', tensor: 'z', problem: 'unknown', expected: 'one of y' },
      ],
      'an unknown fetch by tensor': [{ x: good }, { z: good }, { role: 'fetch', tensor: 'z', problem: 'unknown' }],
      'another dtype': [
        { x: tensor('float64', [1, 2]) },
        undefined,
        { problem: 'dtype', expected: 'float32', got: 'float64' },
      ],
      'another rank': [
        { x: tensor('float32', [2]) },
        undefined,
        { problem: 'shape', expected: '[rows, 2]', got: '[2]' },
      ],
      'another size': [{ x: tensor('float32', [1, 3]) }, undefined, { problem: 'shape', got: '[1, 3]' }],
      'a size that is no number': [
        { x: { ...good, shape: [0.5, 2] } },
        undefined,
        { problem: 'shape', got: '[0.5, 2]' },
      ],
      'a fetch that disagrees with a feed': [
        { x: good },
        { y: tensor('float32', [2, 2]) },
        { role: 'fetch', problem: 'shape', expected: "[rows, 2] where rows is 1 in 'x'", got: '[2, 2]' },
      ],
      'too many elements': [{ x: short }, undefined, { problem: 'data', expected: '2 elements', got: '3' }],
      'no typed array': [{ x: typed }, undefined, { problem: 'data', expected: 'an array of float32', got: 'Array' }],
      'shared memory': [{ x: tensor('float32', [1, 2], shared) }, undefined, { problem: 'memory' }],
      'memory that may shrink': [
        { x: good },
        { y: tensor('float32', [1, 2], resizable) },
        { role: 'fetch', problem: 'memory' },
      ],
    };

    test.each(Object.entries(wrong))('%s', async (_, [feeds, fetches, expected]) => {
      await expect(session.run(feeds, fetches)).rejects.toMatchObject({ code: 'ERR_ONNX_RUN_ARGUMENT', ...expected });
    });

    test('memory that was transferred away', async () => {
      const buffer = new ArrayBuffer(8);
      const x = tensor('float32', [1, 2], new Float32Array(buffer));
      structuredClone(buffer, { transfer: [buffer] });
      await expect(session.run({ x })).rejects.toMatchObject({ problem: 'data', expected: '2 elements', got: '0' });
    });
  });

  test('an aborted signal starts nothing', async () => {
    const y = tensor('float32', [1, 2]);
    const reason = new Error('enough');
    await expect(session.run({ x: floats([1, 2], 1, 2) }, { y }, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    expect(y.data).toEqual(new Float32Array(2));
  });

  test('an abort while a run is under way ends it with the reason, and leaves the session as it was', async () => {
    const x = floats([1, 2], 1, 2);
    for (let round = 0; round < 20; round += 1) {
      const controller = new AbortController();
      const reason = new Error(`enough of ${round}`);
      const running = session.run({ x }, undefined, { signal: controller.signal });
      if (round % 2 === 0) controller.abort(reason);
      else queueMicrotask(() => controller.abort(reason));
      await expect(running).rejects.toBe(reason);
    }
    expect(await session.run({ x })).toEqual({ y: floats([1, 2], 2, 3) });
  });

  test('a signal that is aborted after the run leaves its result alone', async () => {
    const controller = new AbortController();
    const results = await session.run({ x: floats([1, 2], 1, 2) }, undefined, { signal: controller.signal });
    controller.abort();
    expect(results).toEqual({ y: floats([1, 2], 2, 3) });
  });

  test('is disposed after its runs, once, and refuses further runs', async () => {
    const order: string[] = [];
    const running = session.run({ x: floats([1, 2], 1, 2) }).then((results) => {
      order.push('run');
      return results;
    });
    const disposing = [session[Symbol.asyncDispose](), session[Symbol.asyncDispose]()];
    const refused = session.run({ x: floats([1, 2], 1, 2) });
    await expect(refused).rejects.toMatchObject({ code: 'ERR_ONNX_SESSION_DISPOSED' });
    await Promise.all(disposing);
    order.push('disposed');
    expect(await running).toEqual({ y: floats([1, 2], 2, 3) });
    expect(order).toEqual(['run', 'disposed']);
  });
});

test('the C API is taken unless another runtime is asked for', async () => {
  await using session = await openSession(increment());
  expect(session.runtime).toBe('c-api');
});

test('the binding cannot carry bfloat16 and says so', async () => {
  await expect(openSession(identity('bfloat16', [2]), { runtime: 'binding' })).rejects.toMatchObject({
    code: 'ERR_ONNX_RUNTIME',
    message: expect.stringContaining('Unsupported data type: 16'),
  });
});

test('a runtime of another name is refused', async () => {
  await expect(openSession(increment(), { runtime: 'wasm' as Runtime })).rejects.toMatchObject({
    code: 'ERR_ONNX_RUNTIME_UNAVAILABLE',
    message: expect.stringContaining('wasm'),
  });
});
