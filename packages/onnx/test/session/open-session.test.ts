import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { tensor } from '@forge/tensor';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  type Device,
  exp,
  type GraphOptimization,
  graph,
  input,
  matMul,
  type OperatorTime,
  openSession,
  profileTable,
  type Runtime,
} from '../../src/index.ts';
import { floats, increment, runtimes } from './sessions.ts';

describe.each(runtimes)('opening a session over the %s', (runtime) => {
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
    // Of its own: other sessions of this machine write theirs meanwhile.
    const folder = await mkdtemp(path.join(tmpdir(), 'forge-onnx-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    vi.stubEnv('TMPDIR', folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(openSession(new Uint8Array(3), { runtime, onProfile: () => {} })).rejects.toThrow();
    expect(await readdir(folder)).toEqual([]);
  });
});

test('the C API is taken unless another runtime is asked for', async () => {
  await using session = await openSession(increment());
  expect(session.runtime).toBe('c-api');
});

test('a runtime of another name is refused', async () => {
  await expect(openSession(increment(), { runtime: 'wasm' as Runtime })).rejects.toMatchObject({
    code: 'ERR_ONNX_RUNTIME_UNAVAILABLE',
    message: expect.stringContaining('wasm'),
  });
});
