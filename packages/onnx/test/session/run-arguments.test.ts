import { type Tensor, tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import { floats, runtimes, useSession } from './sessions.ts';

describe.each(runtimes)('a session over the %s', (runtime) => {
  const session = useSession(runtime);

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
      await expect(session().run(feeds, fetches)).rejects.toMatchObject({ code: 'ERR_ONNX_RUN_ARGUMENT', ...expected });
    });

    test('memory that was transferred away', async () => {
      const buffer = new ArrayBuffer(8);
      const x = tensor('float32', [1, 2], new Float32Array(buffer));
      structuredClone(buffer, { transfer: [buffer] });
      await expect(session().run({ x })).rejects.toMatchObject({ problem: 'data', expected: '2 elements', got: '0' });
    });
  });
});
